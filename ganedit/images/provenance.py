"""Records how an image was made: written into every file, and read back.

The record is JSON with the keys `program`, `version`, `command`, `parameters`, `model`, `model_sha256`,
`source` and `digital_source_type`. PNG files carry it in the text chunk `ganedit`, JPEG, WebP and TIFF
files in the EXIF field UserComment. All carry an XMP packet with the IPTC digital source type, which
tells other programs that the image is synthetic, or a photo with synthetic parts.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

from ganedit import __version__
from ganedit.files import parse_json

if TYPE_CHECKING:
    from PIL import Image

SYNTHETIC = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"

NAMESPACES = {
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
}
_USER_COMMENT = 0x9286
_ASCII = b"ASCII\0\0\0"  # the character code before a comment in EXIF


def provenance(
    command: str,
    parameters: dict[str, Any],
    model: str | None = None,
    model_sha256: str | None = None,
    source: str | Path | None = None,
    composite: bool = False,
) -> dict[str, Any]:
    """The record of one image.

    Images are published, so that the record names the source without its folder; but a crop must lead back to
    its photo.

    Args:
        command: Name of the command, such as "edit".
        parameters: What is needed to repeat the result; values that JSON lacks are stored as text.
        model: Name of the model that drew the image; None if no network was involved.
        model_sha256: Checksum of the model's weights.
        source: The photo that it was made from.
        composite: Whether the image is a photo with generated parts, rather than entirely generated.
    """
    record: dict[str, Any] = {
        "program": "ganedit",
        "version": __version__,
        "command": command,
        "parameters": json.loads(json.dumps(parameters, default=str)),
        "model": model,
        "model_sha256": model_sha256,
        "source": None if source is None else _shareable(source, command),
    }
    if model is not None:
        record["digital_source_type"] = COMPOSITE if composite else SYNTHETIC
    return {key: value for key, value in record.items() if value is not None}


def _shareable(source: str | Path, command: str) -> str:
    return os.fspath(source) if command == "align" else os.path.basename(source)


def record_of(image: Image.Image) -> dict[str, Any] | None:
    """The record in a PNG, JPEG, WebP, TIFF or GIF file opened by Pillow, or None."""
    text: Any = image.info.get("ganedit") or (image.info.get("comment") if image.format == "GIF" else None)
    if text is not None:
        return parse_record(text)
    try:
        comment = image.getexif().get_ifd(0x8769).get(_USER_COMMENT, b"")
    except Exception:  # damaged EXIF can raise almost anything, and is not from ganedit
        return None
    return parse_comment(comment)


def parse_comment(comment: str | bytes) -> dict[str, Any] | None:
    """The record in the EXIF field UserComment, or None if it is something else."""
    comment = comment.encode() if isinstance(comment, str) else bytes(comment)
    return parse_record(comment.removeprefix(_ASCII))


def parse_record(text: str | bytes) -> dict[str, Any] | None:
    """The record in the comment of a file, or None if it is something else."""
    try:
        record = parse_json(text)
    except ValueError:
        return None
    return record if isinstance(record, dict) and record.get("program") == "ganedit" else None


def png_text(record: dict[str, Any]) -> dict[str, str]:
    """Text chunks by keyword."""
    return {
        "Software": _software(record),
        "Description": _sentence(record),
        "ganedit": json.dumps(record),
        "XML:com.adobe.xmp": xmp_packet(record).decode(),
    }


def exif_fields(record: dict[str, Any]) -> tuple[dict[int, Any], dict[int, Any]]:
    """Fields of the main directory and of the EXIF directory, by tag number."""
    main = {0x010E: _sentence(record), 0x0131: _software(record)}
    return main, {_USER_COMMENT: _ASCII + json.dumps(record).encode("ascii")}


def xmp_fields(record: dict[str, Any]) -> dict[str, str]:
    """Properties of XMP that name the program and the kind of source; their prefixes are in `NAMESPACES`."""
    fields = {"xmp:CreatorTool": _software(record)}
    if kind := record.get("digital_source_type"):
        fields["Iptc4xmpExt:DigitalSourceType"] = kind
    return fields


def xmp_packet(record: dict[str, Any]) -> bytes:
    """An XMP packet that names the program and the kind of source."""
    fields = " ".join(f"{name}={quoteattr(value)}" for name, value in xmp_fields(record).items())
    spaces = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {spaces} {fields}/>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def _software(record: dict[str, Any]) -> str:
    return f"ganedit {record['version']}"


def _sentence(record: dict[str, Any]) -> str:
    """A sentence for people who view the file's properties; plain ASCII, as EXIF requires."""
    text = f"Made by ganedit {record['command']}"
    if model := record.get("model"):
        text += f" with the model {model}"
    return text.encode("ascii", "replace").decode()
