"""Reads and writes photographs: orientation, alpha, grey, CMYK, 16 bits, colour profiles, provenance."""

from __future__ import annotations

import hashlib
import logging
import os
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from ganedit import files
from ganedit.errors import InputError
from ganedit.files import IMAGE_SUFFIXES, IMAGE_WRITERS, atomic_path, check_regular, spelling
from ganedit.images import colour
from ganedit.images.animation import ANIMATED
from ganedit.images.encode import encode, keeps_grey, preview_png
from ganedit.images.metadata import Metadata, metadata_of
from ganedit.images.opening import open_image
from ganedit.images.orientation import TAG, orientation_of, upright, without_tiff_orientation
from ganedit.images.pixels import to_depth
from ganedit.images.provenance import record_of
from ganedit.images.unusual import EXR, decode_float_tiff, is_float_tiff, prepare_heif, size_of_tiff
from ganedit.limits import MAX_PIXELS, MAX_SIDE

if TYPE_CHECKING:
    from torch import Tensor

LOG = logging.getLogger(__name__)
SMALL = 3 * 2**20  # numbers in an image that is written without waiting for the disk: it is soon made again


@dataclass
class Photo:
    """A photo as it is seen: upright and in sRGB, with what is needed to write it back in the same form.

    Attributes:
        pixels: [H, W, 3] in sRGB, uint8 or uint16.
        alpha: [H, W] of the same type, or None if the file has no transparency.
        grey: Whether the file is greyscale; `pixels` then repeats its one channel three times.
        icc: The colour profile of the file, in which results are written; None for sRGB.
        lost: [H, W, 3] int16 or int32, the colours of the file minus those of `pixels` in its profile: what
            sRGB cannot hold. None if the profile is sRGB.
        path: The file that it was read from.
        sha256: Checksum of that file.
        metadata: EXIF and XMP of the file, which results keep.
        provenance: How ganedit made the image, as `images.provenance` records it; None for other images.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    grey: bool = False
    icc: bytes | None = None
    lost: np.ndarray | None = field(default=None, repr=False)
    path: Path | None = None
    sha256: str = ""
    metadata: Metadata | None = field(default=None, repr=False)
    provenance: dict[str, Any] | None = None

    def _repr_png_(self) -> bytes:
        return preview_png(self.pixels, self.alpha)


def read_image(path: str | Path) -> Photo:
    """Read an image, turned upright as its EXIF orientation says, and in sRGB.

    CMYK, LAB, indexed colours and other colour profiles become sRGB; a damaged profile is ignored, and a
    warning logged. 16-bit PNG and TIFF files keep their 16 bits; floating-point numbers of a TIFF from 0 to 1
    become 16 bits.

    Args:
        path: A PNG, JPEG, WebP, TIFF, BMP, GIF, PPM or AVIF file, or HEIC with pillow-heif.

    Returns:
        The photo: its pixels, and what is needed to write it back in the same form.

    Raises:
        InputError: The file is missing, empty, truncated, not an image, or above a limit.
        MissingError: A HEIC file without pillow-heif.

    Examples:
        >>> photo = ganedit.read_image("examples/portrait.png")
        >>> photo.pixels.shape, photo.pixels.dtype
        ((512, 512, 3), dtype('uint8'))
    """
    path = Path(path)
    data = read_bytes(path)
    prepare_heif(path, data)
    if is_float_tiff(data):
        return _float_photo(path, data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # about odd metadata and about large sizes, which are checked below
            with open_image(data) as image:
                _check_size(path, image.size)
                frames = frames_of(image)
                if image.mode in ("I", "F"):
                    raise InputError(f"{path} has 32-bit pixels", "convert it to 8 or 16 bits per channel")
                record, metadata = record_of(image), metadata_of(image)
                mode = colour.mode_of(image)
                pixels, alpha, grey, icc = _decode(image, data)
    except InputError:
        raise
    except Image.DecompressionBombError:
        raise InputError(
            f"{path} claims to be larger than {MAX_PIXELS // 10**6} megapixels",
            "scale it down first, if it is a real photo",
        ) from None
    except Exception as problem:  # decoders raise nearly anything on damaged bytes
        raise InputError(
            f"{path} cannot be read as an image: {_describe(data, problem)}",
            "give a PNG, JPEG, WebP or TIFF file that opens in a viewer",
        ) from problem
    if frames > 1:
        what = "pages" if image.format == "TIFF" else "frames"
        LOG.warning("%s has %d %s; only the first is used", path, frames, what)
    if icc and (wrong := colour.problem_of(icc, mode)):
        LOG.warning("%s: its colour profile %s; its colours are taken as sRGB", path, wrong)
        icc = None
    icc = None if mode == "CMYK" else icc
    sha256 = hashlib.sha256(data).hexdigest()
    photo = Photo(pixels, alpha, grey, icc, None, path, sha256, metadata, record)
    return _in_srgb(photo)


def _float_photo(path: Path, data: bytes) -> Photo:
    try:
        _check_size(path, size_of_tiff(data))
        pixels, alpha, grey = decode_float_tiff(path, data)
    except InputError:
        raise
    except Exception as problem:  # OpenCV raises errors of its own on damaged bytes
        raise InputError(
            f"{path} is a TIFF with floating-point pixels that is damaged, or of a layout that is not read",
            "save it with 16 bits per channel",
        ) from problem
    return Photo(pixels, alpha, grey, path=path, sha256=hashlib.sha256(data).hexdigest())


def frames_of(image: Image.Image) -> int:
    """The number of pictures in a file opened by Pillow: frames of an animation, or pages of a TIFF.

    Reduced copies and masks in a TIFF do not count, nor the extra pictures that cameras put into a JPEG.
    """
    if not isinstance(image, TiffImageFile):
        return int(getattr(image, "n_frames", 1)) if image.format in ANIMATED else 1
    pages = 0
    for page in range(image.n_frames):
        image.seek(page)
        pages += not int(image.tag_v2.get(254, 0)) & 5
    image.seek(0)
    return pages


def _in_srgb(photo: Photo) -> Photo:
    """A photo whose pixels are in the colours of its profile, with pixels in sRGB."""
    if photo.icc is None or colour.is_srgb(photo.icc):
        return photo
    pixels = colour.to_srgb(photo.pixels, photo.icc)
    if not colour.leads_back(photo.icc):
        return replace(photo, pixels=pixels, icc=None)
    back = colour.from_srgb(pixels, photo.icc)
    wide = np.int16 if back.dtype == np.uint8 else np.int32
    return replace(photo, pixels=pixels, lost=np.subtract(photo.pixels, back, dtype=wide))


def own_pixels(photo: Photo, pixels: np.ndarray | None = None) -> np.ndarray:
    """Pixels of a photo, by default its own, in the colours of its profile instead of sRGB.

    Args:
        photo: The photo. What sRGB cannot hold of its colours is added, if the sizes agree.
        pixels: [H, W, 3] in sRGB, uint8 or uint16.
    """
    pixels = photo.pixels if pixels is None else pixels
    if photo.icc is None or colour.is_srgb(photo.icc):
        return pixels
    out = colour.from_srgb(pixels, photo.icc)
    if photo.lost is None or photo.lost.shape != out.shape:
        return out
    deep, shallow = np.iinfo(out.dtype).max, photo.pixels.dtype == np.uint8
    lost = photo.lost
    if shallow and deep > 255:
        lost = lost.astype(np.int32) * 257
    elif not shallow and deep == 255:
        lost = np.rint(lost / 257).astype(np.int32)
    return np.asarray((out + lost).clip(0, deep), out.dtype)


def as_photo(image: Photo | np.ndarray | str | Path) -> Photo:
    """A photo from a photo, its path, or pixels [H, W, 3] or [H, W] in sRGB, uint8 or uint16.

    Raises:
        InputError: The file is not an image, or the array is something else.
    """
    if isinstance(image, Photo):
        return image
    return read_image(image) if isinstance(image, str | Path) else Photo(_checked(image))


def _checked(pixels: Any) -> np.ndarray:
    """Pixels [H, W, 3], uint8 or uint16, of an array or of a tensor in [-1, 1]."""
    if hasattr(pixels, "detach"):  # a tensor of PyTorch, which need not be imported here
        from ganedit.images.tensors import from_tensor

        if pixels.ndim not in (3, 4) or pixels.shape[-3] != 3 or (pixels.ndim == 4 and len(pixels) != 1):
            raise InputError(
                f"a tensor of an image is [3, H, W] or [1, 3, H, W], not {list(pixels.shape)}",
                "pass one image of a batch: images[0]",
            )
        return from_tensor(pixels)
    if not isinstance(pixels, np.ndarray) or pixels.dtype not in (np.uint8, np.uint16):
        kind = pixels.dtype if isinstance(pixels, np.ndarray) else type(pixels).__name__
        raise InputError(
            f"pixels must be an array of uint8 or uint16, not {kind}",
            "convert numbers from 0 to 1 with (x * 255).round().astype(np.uint8)",
        )
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    if pixels.ndim != 3 or pixels.shape[2] != 3:
        raise InputError(f"pixels must be [H, W, 3] or [H, W], not {list(pixels.shape)}")
    checked: np.ndarray = pixels
    return checked


def read_provenance(path: str | Path) -> dict[str, Any] | None:
    """Read how ganedit made an image, without decoding its pixels.

    Args:
        path: An image file.

    Returns:
        The record that `write_image` embedded (program version, model, parameters), or None if there is none.

    Raises:
        InputError: The file is missing or not an image.

    Examples:
        >>> ganedit.read_provenance("examples/portrait.png") is None
        True
    """
    try:
        with open_image(Path(path)) as image:
            return record_of(image)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist", spelling(path)) from None
    except Exception:  # decoders raise nearly anything on damaged bytes
        return read_image(path).provenance  # reads more formats, and describes the problem


def read_bytes(path: Path) -> bytes:
    """The bytes of a file. Raises InputError if it cannot be read or is empty."""
    try:
        data = files.read_bytes(path)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist", spelling(path)) from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder, not an image") from None
    except OSError as problem:
        raise InputError(f"{path} cannot be read: {(problem.strerror or str(problem)).lower()}") from problem
    if not data:
        raise InputError(f"{path} is empty (0 bytes)", "fetch or export it again")
    return data


def _check_size(path: Path, size: tuple[int, int]) -> None:
    width, height = size
    if max(size) > MAX_SIDE:
        raise InputError(
            f"{path} claims {width}x{height} pixels; the limit is {MAX_SIDE:,} for a side",
            "cut it into parts",
        )
    if width * height > MAX_PIXELS:
        limit = f"{MAX_PIXELS // 10**6} megapixels"
        raise InputError(
            f"{path} claims {width}x{height} pixels; the limit is {limit}",
            "scale it down first, if it is a real photo",
        )


_MAGIC = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"GIF8")  # first bytes of supported formats


def _describe(data: bytes, problem: Exception) -> str:
    """Describe what a file holds instead of a whole image."""
    if not isinstance(problem, UnidentifiedImageError):
        if "truncated" in str(problem) or isinstance(problem, (EOFError, SyntaxError)):
            return f"it is truncated or damaged ({len(data)} bytes)"
        return f"it is damaged ({problem})"
    head = data[:512]
    if head.startswith(EXR):
        return "it is an OpenEXR file, which ganedit does not read: save it as a TIFF or PNG with 16 bits"
    if head.startswith((b"II*\0", b"MM\0*")):
        return "it is a TIFF of a kind that is not read, or damaged"
    if head.startswith(_MAGIC):
        return f"it is truncated or damaged ({len(data)} bytes)"
    if not head.strip(b"\0"):
        return "found nothing but zero bytes"
    text = head.decode("utf-8", errors="replace").rstrip("\ufffd")  # the end may split a character
    if text.strip() and "\ufffd" not in text and all(c.isprintable() or c in "\r\n\t" for c in text):
        return f"found text, beginning {text.strip().splitlines()[0][:40]!r}"
    return f"found {len(data)} bytes of another format, beginning {head[:8].hex(' ')}"


def _decode(image: Image.Image, data: bytes) -> tuple[np.ndarray, np.ndarray | None, bool, bytes | None]:
    """Pixels [H, W, 3], alpha [H, W] or None, both upright; grey, ICC profile."""
    icc: bytes | None = image.info.get("icc_profile")
    if _sixteen_bits(image, data):
        return *_decode_16(image, data), icc
    turn = orientation_of(image)
    if image.mode == "CMYK":
        return upright(np.asarray(colour.in_srgb(image, icc).convert("RGB")), turn), None, False, icc
    grey = image.mode in ("1", "L", "LA", "La")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = np.asarray(image.convert("RGBA"))
        return upright(rgba[..., :3], turn), upright(rgba[..., 3], turn), grey, icc
    return upright(np.array(image.convert("RGB")), turn), None, grey, icc


def _sixteen_bits(image: Image.Image, data: bytes) -> bool:
    """Whether an image has 16 bits, according to its header: Pillow shows 16-bit colour as 8-bit RGB."""
    if image.mode.startswith("I;16"):
        return True
    if isinstance(image, TiffImageFile):
        bits = image.tag_v2.get(258, (8,))
        return bool(max(bits if isinstance(bits, tuple) else (bits,)) == 16)
    return image.format == "PNG" and data[24] == 16


def _decode_16(image: Image.Image, data: bytes) -> tuple[np.ndarray, np.ndarray | None, bool]:
    import cv2

    if image.mode.startswith("I;16"):
        turn = orientation_of(image)
        level = upright(np.asarray(image).astype(np.uint16), turn)
        return np.repeat(level[..., None], 3, axis=2), None, True
    turn = int(image.getexif().get(TAG, 1))
    image.load()  # detects truncated files, which OpenCV accepts silently
    plain = np.frombuffer(without_tiff_orientation(data), np.uint8)
    raw = cv2.imdecode(plain, cv2.IMREAD_UNCHANGED)
    if raw is None or raw.dtype != np.uint16 or raw.ndim != 3:
        raise ValueError("16-bit pixels in a layout that is not supported")
    alpha = upright(raw[..., 3], turn) if raw.shape[2] == 4 else None
    grey = image.format == "PNG" and data[25] == 4  # luminance with alpha
    return upright(raw[..., 2::-1], turn), alpha, grey


def write_image(
    path: str | Path,
    pixels: Photo | np.ndarray | Tensor,
    *,
    like: Photo | None = None,
    provenance: dict[str, Any] | None = None,
    quality: int = 95,
) -> Path:
    """Write an image in the format of its suffix; an interrupted write leaves no file.

    Args:
        path: Ends in .png, .jpg, .jpeg, .webp, .tif or .tiff.
        pixels: [H, W, 3] in sRGB or [H, W] greyscale, uint8 or uint16 (JPEG and WebP reduce it to 8 bits); or
            a tensor [3, H, W] or [1, 3, H, W] in [-1, 1]; or a photo, written in its own form.
        like: Keep the alpha channel (if the sizes agree), the greyscale mode, the colour profile and the
            metadata of this photo, as far as the format can; colours are converted to that profile.
        provenance: A record from `images.provenance.provenance`, to be embedded in the file.
        quality: Of JPEG and WebP files, 1 to 100.

    Returns:
        The path.

    Raises:
        InputError: Pixels of another shape or type, an unknown suffix, a folder that cannot be written to, or
            a full disk.

    Examples:
        >>> photo = ganedit.read_image("examples/portrait.png")
        >>> ganedit.write_image("copy.jpg", photo.pixels, like=photo).name
        'copy.jpg'
    """
    path = Path(path)
    if path.suffix.lower() not in IMAGE_WRITERS:
        raise InputError(
            f"cannot write {path}: '{path.suffix}' is not a format ganedit writes",
            "end the name in .png, .jpg, .webp or .tiff",
        )
    if isinstance(pixels, Photo):
        like, pixels = like or pixels, pixels.pixels
    pixels = _checked(pixels)
    alpha, grey, icc, metadata = None, False, None, None
    if like is not None:
        metadata = like.metadata
        if like.alpha is not None and like.alpha.shape == pixels.shape[:2]:
            alpha = to_depth(like.alpha, pixels.dtype)
        grey = like.grey and keeps_grey(path.suffix.lower(), pixels.dtype, alpha is not None)
        if like.icc and (grey or not colour.is_grey(like.icc)):
            icc, pixels = like.icc, own_pixels(like, pixels)
    data = encode(path.suffix.lower(), pixels, alpha, grey, icc, provenance, quality, metadata)
    with atomic_path(path, durable=pixels.size > SMALL) as temporary, open(temporary, "wb") as file:
        file.write(data)
    return path


def list_images(path: str | Path) -> list[Path]:
    """The images in a folder by name (not in its subfolders), or the one file that `path` names.

    Raises:
        InputError: `path` does not exist, or is a folder without images.
    """
    path = Path(path)
    if path.is_file():
        return [path]
    check_regular(path)
    if not path.is_dir():
        raise InputError(f"{path} does not exist", spelling(path))
    names = sorted(
        name
        for name in os.listdir(path)
        if name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith(".")
    )
    if not names:
        raise InputError(f"the folder {path} holds no images", f"looked for {', '.join(IMAGE_SUFFIXES)}")
    return [path / name for name in names]
