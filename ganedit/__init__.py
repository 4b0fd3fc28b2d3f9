"""Edit photographs with GANs: align, project, edit, paste back, and train the models that do it.

model = ganedit.load("faces")
(latent,) = ganedit.project("me.jpg", model)
smile = ganedit.direction("smile", "faces")
happier = ganedit.edit(latent, [(smile, 2.0, None)])
photo = ganedit.read_image("me.jpg")
ganedit.write_image("happier.png", ganedit.paste(photo.pixels, happier, model), like=photo)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganedit.audio.files import read_sound as read_sound
    from ganedit.audio.files import write_sound as write_sound
    from ganedit.audio.timbre import transfer as transfer_timbre
    from ganedit.images.align import align_faces as align
    from ganedit.images.colorizing import colorize
    from ganedit.images.inpainting import inpaint as inpaint
    from ganedit.images.io import read_image as read_image
    from ganedit.images.io import write_image as write_image
    from ganedit.images.translation import translate as translate
    from ganedit.images.upscaling import upscale
    from ganedit.latent.directions.direction import Direction
    from ganedit.latent.directions.named import find as direction
    from ganedit.latent.editing import edit as edit
    from ganedit.latent.editing import paste_latent as paste
    from ganedit.latent.inversion.photos import project_photo as project
    from ganedit.latent.latent import Latent as Latent
    from ganedit.store.load import load as load

__version__ = "0.1.0"

_PUBLIC = {
    "load": ("ganedit.store.load", "load"),
    "read_image": ("ganedit.images.io", "read_image"),
    "write_image": ("ganedit.images.io", "write_image"),
    "align": ("ganedit.images.align", "align_faces"),
    "project": ("ganedit.latent.inversion.photos", "project_photo"),
    "edit": ("ganedit.latent.editing", "edit"),
    "paste": ("ganedit.latent.editing", "paste_latent"),
    "translate": ("ganedit.images.translation", "translate"),
    "upscale": ("ganedit.images.upscaling", "upscale"),
    "inpaint": ("ganedit.images.inpainting", "inpaint"),
    "colorize": ("ganedit.images.colorizing", "colorize"),
    "read_sound": ("ganedit.audio.files", "read_sound"),
    "write_sound": ("ganedit.audio.files", "write_sound"),
    "transfer_timbre": ("ganedit.audio.timbre", "transfer"),
    "direction": ("ganedit.latent.directions.named", "find"),
    "Direction": ("ganedit.latent.directions.direction", "Direction"),
    "Latent": ("ganedit.latent.latent", "Latent"),
}
"""Public names, and where they live; imported on first use, so that `import ganedit` stays light."""

__all__ = [
    "Direction",
    "Latent",
    "__version__",
    "align",
    "colorize",
    "direction",
    "edit",
    "inpaint",
    "load",
    "paste",
    "project",
    "read_image",
    "read_sound",
    "transfer_timbre",
    "translate",
    "upscale",
    "write_image",
    "write_sound",
]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        module, own_name = _PUBLIC[name]
        return getattr(import_module(module), own_name)
    raise AttributeError(f"module 'ganedit' has no attribute {name!r}")
