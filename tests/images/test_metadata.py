"""The date, the camera and the place of a photo survive; what would be wrong in a copy does not."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, IptcImagePlugin

from ganedit.images.io import read_image, read_provenance, write_image
from ganedit.images.provenance import COMPOSITE, provenance

EXIF, GPS = 0x8769, 0x8825
DATE, CAMERA, PLACE = "2024:05:01 12:30:00", "Model One", (48.0, 51.0, 29.5)
XMP = b"""<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
  xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"
  xmp:CreatorTool="Camera 1.0" xmp:Rating="4" tiff:Orientation="6" hdrgm:Version="1.0">
<dc:creator><rdf:Seq><rdf:li>Ada</rdf:li></rdf:Seq></dc:creator>
<xmp:Thumbnails><rdf:Alt><rdf:li>AAAA</rdf:li></rdf:Alt></xmp:Thumbnails>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""
RECORD = provenance("upscale", {"size": None}, "larger", "ab" * 32, composite=True)
SUFFIXES = [".jpg", ".png", ".webp", ".tiff"]


def fields(orientation: int = 6) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112], exif[0x0110], exif[0x010E] = orientation, CAMERA, "On the pier"
    exif.get_ifd(EXIF).update(
        {0x9003: DATE, 0xA002: 32, 0xA003: 24, 0x927C: b"maker's notes", 0xA001: 65535, 0x829A: 0.004}
    )
    exif.get_ifd(GPS).update({1: "N", 2: PLACE})
    return exif


def photo_file(folder: Path, suffix: str) -> Path:
    """A photo of 32 x 24 on its side."""
    path = folder / f"x{suffix}"
    image = Image.fromarray(np.arange(24 * 32 * 3, dtype=np.uint32).reshape(24, 32, 3).astype(np.uint8))
    if suffix == ".png":
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", XMP.decode())
        image.save(path, exif=fields(), pnginfo=info)
    elif suffix == ".tiff":
        exif = fields()
        exif[700] = XMP
        exif.update({tag: dict(exif.get_ifd(tag)) for tag in (EXIF, GPS)})  # as Pillow wants it for a TIFF
        image.save(path, exif=exif)
    else:
        image.save(path, exif=fields(), xmp=XMP)
    return path


def read_back(path: Path) -> tuple[dict, dict, dict, str]:
    """EXIF, its two directories, and XMP."""
    with Image.open(path) as image:
        exif = image.getexif()
        xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
        text = xmp if isinstance(xmp, str) else xmp.decode()
        return dict(exif), exif.get_ifd(EXIF), exif.get_ifd(GPS), text


@pytest.mark.parametrize("source", SUFFIXES)
@pytest.mark.parametrize("target", SUFFIXES)
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_what_is_kept(tmp_path, source, target, depth):
    photo = read_image(photo_file(tmp_path, source))
    assert photo.pixels.shape == (32, 24, 3)
    pixels = photo.pixels.repeat(2, 0).repeat(2, 1).astype(depth)
    path = write_image(tmp_path / f"y{target}", pixels, like=photo, provenance=RECORD)
    exif, sub, gps, xmp = read_back(path)
    assert exif[0x0112] == 1
    assert exif[0x0110] == CAMERA
    assert exif[0x010E] == "On the pier"
    assert sub[0x9003] == DATE
    assert float(sub[0x829A]) == pytest.approx(0.004)
    assert (sub[0xA002], sub[0xA003]) == (48, 64)
    assert sub[0xA001] == 1  # it is in sRGB now
    assert 0x927C not in sub
    assert gps[1] == "N"
    assert tuple(float(n) for n in gps[2]) == PLACE
    assert "<rdf:li>Ada</rdf:li>" in xmp
    assert 'xmp:Rating="4"' in xmp
    assert "Camera 1.0" not in xmp
    for stale in ("Orientation", "Thumbnails", "hdrgm:Version"):
        assert stale not in xmp
    assert len(re.findall("DigitalSourceType=", xmp)) == 1
    assert COMPOSITE in xmp
    assert read_provenance(path) == RECORD
    np.testing.assert_array_equal(read_image(path).pixels.shape, pixels.shape)  # not turned once more


IPTC = b"\x1c\x02\x00\x00\x02\x00\x04" + b"\x1c\x02\x50\x00\x03Ada" + b"\x1c\x02\x78\x00\x08The pier"
"""Version, by-line and caption, as IIM writes them: 28, record 2, dataset, length, text."""


def iptc_of(path: Path) -> dict | None:
    """Pillow's own reading of it: the by-line is dataset 80, the caption 120."""
    with Image.open(path) as image:
        found = IptcImagePlugin.getiptcinfo(image)
        return None if found is None else {key[1]: value for key, value in found.items()}


@pytest.mark.parametrize("source", [".jpg", ".tiff"])
@pytest.mark.parametrize("target", [".jpg", ".tiff"])
@pytest.mark.parametrize("more", [b"", b"\x1c\x02\x19\x00\x01x"])  # of an even and an odd length
def test_iptc_is_kept(tmp_path, source, target, more):
    pixels = np.zeros((24, 32, 3), np.uint8)
    path = tmp_path / f"x{source}"
    if source == ".tiff":
        Image.fromarray(pixels).save(path, tiffinfo={33723: IPTC + more})
    else:  # beside another resource, whose name is "ab"
        body = b"8BIM\x03\xf3\x02ab\x00\x00\x00\x00\x02xy"
        body += b"8BIM\x04\x04\x00\x00" + len(IPTC + more).to_bytes(4, "big") + IPTC + more
        body = b"Photoshop 3.0\0" + body + b"\0" * (len(IPTC + more) % 2)
        extra = b"\xff\xed" + (len(body) + 2).to_bytes(2, "big") + body
        Image.fromarray(pixels).save(path, extra=extra)
    photo = read_image(path)
    made = write_image(tmp_path / f"y{target}", photo.pixels, like=photo, provenance=RECORD)
    assert iptc_of(made)[80] == b"Ada"
    assert iptc_of(made)[120] == b"The pier"
    assert read_image(made).metadata.iptc == IPTC + more
    assert read_provenance(made) == RECORD
    bare = write_image(tmp_path / f"z{target}", photo.pixels, like=replace(photo, metadata=None))
    assert not iptc_of(bare)


def test_iptc_that_a_format_cannot_hold_is_named(tmp_path, caplog):
    Image.new("RGB", (8, 8)).save(tmp_path / "x.tiff", tiffinfo={33723: IPTC})
    photo = read_image(tmp_path / "x.tiff")
    write_image(tmp_path / "y.png", photo.pixels, like=photo)
    assert ".png files hold no IPTC: left out" in caplog.text


def test_a_second_result_has_its_own_record_only(tmp_path):
    photo = read_image(photo_file(tmp_path, ".jpg"))
    first = read_image(write_image(tmp_path / "1.jpg", photo.pixels, like=photo, provenance=RECORD))
    other = provenance("inpaint", {}, "filler", "cd" * 32)
    second = write_image(tmp_path / "2.jpg", first.pixels, like=first, provenance=other)
    assert read_provenance(second) == other
    exif, sub, gps, xmp = read_back(second)
    assert (exif[0x0110], sub[0x9003], gps[1]) == (CAMERA, DATE, "N")
    assert exif[0x010E] == "On the pier"
    assert xmp.count("DigitalSourceType=") == 1
    assert COMPOSITE not in xmp
    third = write_image(tmp_path / "3.jpg", first.pixels, like=first)  # as with --no-provenance
    assert read_provenance(third) is None
    assert b"ganedit" not in third.read_bytes()
    assert read_back(third)[1][0x9003] == DATE


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_without_metadata_and_without_a_record_there_is_nothing(tmp_path, suffix):
    photo = read_image(photo_file(tmp_path, suffix))
    path = write_image(tmp_path / f"y{suffix}", photo.pixels, like=replace(photo, metadata=None))
    exif, sub, gps, xmp = read_back(path)
    assert not {0x0110, 0x010E, 0x0112} & set(exif)
    assert (sub, gps, xmp) == ({}, {}, "")


def test_comments_of_others_stay_in_png(tmp_path):
    exif = Image.Exif()
    exif[0x0110] = CAMERA  # otherwise Pillow would write none
    exif.get_ifd(EXIF)[0x9286] = b"ASCII\0\0\0my comment"
    Image.new("RGB", (8, 8)).save(tmp_path / "x.png", exif=exif)
    photo = read_image(tmp_path / "x.png")
    path = write_image(tmp_path / "y.png", photo.pixels, like=photo, provenance=RECORD)
    assert read_back(path)[1][0x9286] == b"ASCII\0\0\0my comment"
    assert read_provenance(path) == RECORD


@pytest.mark.parametrize(
    "xmp",
    [
        b"<x:xmpmeta",
        b"\xff\xfe\x00",
        b"x" * 70_000,
        b'<!DOCTYPE a [<!ENTITY b "c">]><x:xmpmeta xmlns:x="adobe:ns:meta/">&b;</x:xmpmeta>',
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>',
    ],
)
def test_damaged_metadata_is_left_out(tmp_path, xmp):
    Image.new("RGB", (8, 8)).save(tmp_path / "x.webp", exif=b"Exif\0\0II*\0\xff\xff\xff\xff", xmp=xmp)
    photo = read_image(tmp_path / "x.webp")
    assert photo.metadata is None
    path = write_image(tmp_path / "y.jpg", photo.pixels, like=photo, provenance=RECORD)
    assert read_provenance(path) == RECORD
