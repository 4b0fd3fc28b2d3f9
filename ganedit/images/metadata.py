"""What a camera or an author stored with a photo, as EXIF, XMP and IPTC: read, cleaned, and merged with our
record.

Kept are the date, the camera, the place, names and descriptions. Left out is what is wrong in a changed copy:
the orientation, thumbnails, sizes, the data of a gain map, and the notes of camera makers, which no program
can move. A former record of ganedit is left out too.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from PIL import Image

from ganedit.images.orientation import TAG as ORIENTATION
from ganedit.images.provenance import NAMESPACES, exif_fields, parse_comment, xmp_fields, xmp_packet

EXIF, GPS = 0x8769, 0x8825  # directories
COMMENT, DESCRIPTION, SOFTWARE = 0x9286, 0x010E, 0x0131
_COLOUR_SPACE, _WIDTH, _HEIGHT = 0xA001, 0xA002, 0xA003
_MAIN = (
    {DESCRIPTION, SOFTWARE, 0x010F, 0x0110, 0x0132, 0x013B, 0x013C, 0x8298}  # camera, date, artist, rights
    | {0x011A, 0x011B, 0x0128}  # resolution
    | {0x4746, 0x4749, 0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F}  # ratings, and titles from Windows
)
_NOT_IN_EXIF = {0x927C, 0xA005}  # the maker's notes, the directory of interoperability

IPTC_RESOURCE, IPTC_TAG = 0x0404, 33723  # in Photoshop's part of a JPEG; in a TIFF
MOST = 60_000  # bytes of EXIF, XMP or IPTC that fit into a JPEG beside our record
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_STALE = re.compile(
    r"\{http://ns.adobe.com/(tiff/1.0/\}(Orientation|ImageWidth|ImageLength)"
    r"|exif/1.0/\}Pixel[XY]Dimension|xap/1.0/\}Thumbnails|xmp/note/\}HasExtendedXMP|hdr-gain-map/1.0/\}.*)"
    r"|\{http://ns.google.com/photos/1.0/(container|camera|image)/.*"
)


def _full_name(name: str) -> str:
    """prefix:name as {namespace}name."""
    prefix, local = name.split(":")
    return f"{{{NAMESPACES[prefix]}}}{local}"


_OWN = {_full_name(name) for name in ("xmp:CreatorTool", "Iptc4xmpExt:DigitalSourceType")}


@dataclass(frozen=True)
class Metadata:
    """EXIF as Pillow serialises it, an XMP packet, and IPTC's records; empty where there is none."""

    exif: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""


def metadata_of(image: Image.Image) -> Metadata | None:
    """The metadata of an image opened by Pillow, without what is wrong in a copy; None if there is none."""
    found = Metadata(_cleaned_exif(image), _cleaned_xmp(image), _iptc(image))
    return found if found != Metadata() else None


def iptc_segment(iptc: bytes) -> bytes:
    """The segment of a JPEG that holds IPTC's records, as a resource of Photoshop."""
    resource = b"8BIM" + struct.pack(">HHI", IPTC_RESOURCE, 0, len(iptc)) + iptc + b"\0" * (len(iptc) % 2)
    body = b"Photoshop 3.0\0" + resource
    return b"\xff\xed" + struct.pack(">H", len(body) + 2) + body


def merged_exif(
    metadata: Metadata | None, size: tuple[int, int], icc: bytes | None, record: dict[str, Any] | None
) -> Image.Exif | None:
    """EXIF for a new file of (width, height), with our record; None if there is nothing to write."""
    exif = Image.Exif()
    if metadata is not None and metadata.exif:
        exif.load(metadata.exif)
        exif[ORIENTATION] = 1
        sub = exif.get_ifd(EXIF)
        new = {_WIDTH: size[0], _HEIGHT: size[1]} | ({} if icc else {_COLOUR_SPACE: 1})
        sub.update({tag: value for tag, value in new.items() if tag in sub})
    if record is not None:
        main, comment = exif_fields(record)
        exif.update({tag: text for tag, text in main.items() if tag != DESCRIPTION or tag not in exif})
        exif.get_ifd(EXIF).update(comment)
    return exif if len(exif) or exif.get_ifd(EXIF) else None


def merged_xmp(metadata: Metadata | None, record: dict[str, Any] | None) -> bytes:
    """An XMP packet with our record; empty if there is nothing to write."""
    if metadata is None or not metadata.xmp:
        return b"" if record is None else xmp_packet(record)
    root = _parsed(metadata.xmp)
    if record is not None:
        ours = {_full_name(name): text for name, text in xmp_fields(record).items()}
        _drop(root, _OWN.__contains__)
        next(root.iter(f"{_RDF}Description")).attrib.update(ours)
    return _packet(root)


def _iptc(image: Image.Image) -> bytes:
    """IPTC's records in a JPEG or TIFF; whoever changes the image leaves them as they are."""
    if image.format == "TIFF":
        data = getattr(image, "tag_v2", {}).get(IPTC_TAG, b"")
    else:
        resources = image.info.get("photoshop")
        data = resources.get(IPTC_RESOURCE, b"") if isinstance(resources, dict) else b""
    if not isinstance(data, bytes) or not data.startswith(b"\x1c") or len(data) > MOST:
        return b""  # some programs write it as whole numbers
    return data


def _cleaned_exif(image: Image.Image) -> bytes:
    try:
        own, kept = image.getexif(), Image.Exif()
        sub, gps = own.get_ifd(EXIF), own.get_ifd(GPS)
        kept.update({tag: value for tag, value in own.items() if tag in _MAIN})
        sub = {tag: value for tag, value in sub.items() if tag not in _NOT_IN_EXIF}
        if parse_comment(sub.get(COMMENT, b"")) is not None:
            del sub[COMMENT]
            for tag in (SOFTWARE, DESCRIPTION):
                if "ganedit " in str(kept.get(tag, "")):
                    del kept[tag]
        if sub:
            kept[EXIF] = sub
        if gps:
            kept[GPS] = dict(gps)
        data = kept.tobytes() if len(kept) else b""
        return data if len(data) <= MOST else b""
    except Exception:  # damaged EXIF can raise almost anything
        return b""


def _cleaned_xmp(image: Image.Image) -> bytes:
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    packet = packet.encode() if isinstance(packet, str) else bytes(packet)
    if not packet or len(packet) > MOST:
        return b""
    try:
        root = _parsed(packet)
    except (ElementTree.ParseError, ValueError):
        return b""
    _drop(root, lambda name: bool(_STALE.match(name)))
    if b'CreatorTool="ganedit ' in packet:
        _drop(root, _OWN.__contains__)
    return _packet(root) if any(_properties(about) for about in root.iter(f"{_RDF}Description")) else b""


def _properties(about: ElementTree.Element) -> list[str]:
    return [name for name in (*about.attrib, *(child.tag for child in about)) if name != f"{_RDF}about"]


def _parsed(packet: bytes) -> ElementTree.Element:
    text = packet.decode("utf-8").strip("\0 \r\n\ufeff")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:  # XMP has none, and they can be bombs
        raise ValueError("not XMP")
    for prefix, uri in (
        *NAMESPACES.items(),
        *re.findall(r'xmlns:([A-Za-z_][\w.-]*)=["\']([^"\']+)["\']', text),
    ):
        if not re.fullmatch(r"ns\d+", prefix):
            ElementTree.register_namespace(prefix, uri)
    return ElementTree.fromstring(text)


def _drop(root: ElementTree.Element, stale: Callable[[str], bool]) -> None:
    """Remove properties by their names, whether they are written as attributes or as elements."""
    for about in root.iter(f"{_RDF}Description"):
        for name in [name for name in about.attrib if stale(name)]:
            del about.attrib[name]
        for child in [child for child in about if stale(child.tag)]:
            about.remove(child)


def _packet(root: ElementTree.Element) -> bytes:
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>{body}<?xpacket end="w"?>'.encode()
