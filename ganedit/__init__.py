"""Edit photographs with GANs: align, project, edit, paste back, and train the models that do it.

model = ganedit.load("faces")
(latent,) = ganedit.project("me.jpg", model)
happier = ganedit.edit(latent, {"smile": 2})
photo = ganedit.read_image("me.jpg")
ganedit.write_image("happier.png", ganedit.paste(photo, happier, model), like=photo)
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # as in typing, which takes long to import
if TYPE_CHECKING:
    from typing import Any

    from ganedit.audio.files import Sound as Sound
    from ganedit.audio.files import read_sound as read_sound
    from ganedit.audio.files import write_sound as write_sound
    from ganedit.audio.timbre import transfer as timbre
    from ganedit.images.align import align_faces as align
    from ganedit.images.classifying import classify as classify
    from ganedit.images.colorizing import colorize as colorize
    from ganedit.images.edges import draw_edges as draw_edges
    from ganedit.images.inpainting import box_hole as box_hole
    from ganedit.images.inpainting import inpaint as inpaint
    from ganedit.images.inpainting import mask_hole as mask_hole
    from ganedit.images.io import Photo as Photo
    from ganedit.images.io import read_image as read_image
    from ganedit.images.io import read_provenance as read_provenance
    from ganedit.images.io import write_image as write_image
    from ganedit.images.regions import draw_regions as draw_regions
    from ganedit.images.restoring import restore as restore
    from ganedit.images.singan import singan_animate as singan_animate
    from ganedit.images.singan import singan_edit as singan_edit
    from ganedit.images.singan import singan_harmonize as singan_harmonize
    from ganedit.images.singan import singan_paint as singan_paint
    from ganedit.images.singan import singan_random as singan_random
    from ganedit.images.singan import singan_superres as singan_superres
    from ganedit.images.translation import translate as translate
    from ganedit.images.upscaling import enhance_crop as enhance_crop
    from ganedit.images.upscaling import upscale as upscale
    from ganedit.latent.arithmetic import combine as combine
    from ganedit.latent.directions.channel_search import find_channels_that as find_channels
    from ganedit.latent.directions.direction import Direction as Direction
    from ganedit.latent.directions.discovery import discover_directions as discover_directions
    from ganedit.latent.directions.examples import examples_from_arrays as examples_from_arrays
    from ganedit.latent.directions.examples import examples_from_classifier as examples_from_classifier
    from ganedit.latent.directions.examples import examples_from_csv as examples_from_csv
    from ganedit.latent.directions.examples import examples_from_folders as examples_from_folders
    from ganedit.latent.directions.examples import learn_direction as learn_direction
    from ganedit.latent.directions.foreign import export_direction as export_direction
    from ganedit.latent.directions.foreign import import_directions as import_directions
    from ganedit.latent.directions.named import find as direction
    from ganedit.latent.directions.pulling import pull_directions as pull_directions
    from ganedit.latent.dragging import PointMove as PointMove
    from ganedit.latent.dragging import drag as drag
    from ganedit.latent.editing import draw as draw
    from ganedit.latent.editing import edit as edit
    from ganedit.latent.editing import paste_latent as paste
    from ganedit.latent.foreign import export_latents as export_latents
    from ganedit.latent.foreign import import_latents as import_latents
    from ganedit.latent.generating import generate as generate
    from ganedit.latent.interpolation import interpolate as interpolate
    from ganedit.latent.interpolation import interpolate_z as interpolate_z
    from ganedit.latent.inversion.photos import project_photo as project
    from ganedit.latent.inversion.project import ProjectOptions as ProjectOptions
    from ganedit.latent.latent import Latent as Latent
    from ganedit.latent.mixing import mix_latents as mix
    from ganedit.latent.motion import DragOptions as DragOptions
    from ganedit.latent.units.dissection import dissect as dissect
    from ganedit.metrics.diversity import measure_diversity as measure_diversity
    from ganedit.metrics.diversity import measure_path_length as measure_path_length
    from ganedit.metrics.faces import measure_faces as measure_faces
    from ganedit.metrics.frechet import frechet_distance_of as frechet_distance
    from ganedit.metrics.identity import person_in as person_in
    from ganedit.metrics.image_features import embed_images as embed_images
    from ganedit.metrics.inpainting import measure_inpainting as measure_inpainting
    from ganedit.metrics.safe_range import measure_safe_range as measure_safe_range
    from ganedit.metrics.samples import measure_images as measure_images
    from ganedit.metrics.timbre_transfer import measure_timbre as measure_timbre
    from ganedit.metrics.translating import translate_folder as translate_folder
    from ganedit.metrics.upscaling import measure_upscaler as measure_upscaler
    from ganedit.metrics.vocoding import measure_vocoders as measure_vocoders
    from ganedit.metrics.zero_shot import zero_shot as zero_shot
    from ganedit.store.downloads.pulling import pull as pull_model
    from ganedit.store.export import export as export_model
    from ganedit.store.importing import import_model as import_model
    from ganedit.store.load import load as load
    from ganedit.text.edits import clip_direction as clip_direction
    from ganedit.text.edits import clip_edit as clip_edit
    from ganedit.text.guidance import Wish as Wish
    from ganedit.text.optimize import SteerOptions as SteerOptions
    from ganedit.text.optimize import search as clip_generate
    from ganedit.text.ranking import rank as rank
    from ganedit.train.start import train as train_model

__version__ = "0.1.0"

_PUBLIC = {
    "load": ("ganedit.store.load", "load"),
    "read_image": ("ganedit.images.io", "read_image"),
    "write_image": ("ganedit.images.io", "write_image"),
    "Photo": ("ganedit.images.io", "Photo"),
    "align": ("ganedit.images.align", "align_faces"),
    "ProjectOptions": ("ganedit.latent.inversion.project", "ProjectOptions"),
    "project": ("ganedit.latent.inversion.photos", "project_photo"),
    "Latent": ("ganedit.latent.latent", "Latent"),
    "Direction": ("ganedit.latent.directions.direction", "Direction"),
    "direction": ("ganedit.latent.directions.named", "find"),
    "edit": ("ganedit.latent.editing", "edit"),
    "draw": ("ganedit.latent.editing", "draw"),
    "paste": ("ganedit.latent.editing", "paste_latent"),
    "PointMove": ("ganedit.latent.dragging", "PointMove"),
    "DragOptions": ("ganedit.latent.motion", "DragOptions"),
    "drag": ("ganedit.latent.dragging", "drag"),
    "person_in": ("ganedit.metrics.identity", "person_in"),
    "generate": ("ganedit.latent.generating", "generate"),
    "interpolate": ("ganedit.latent.interpolation", "interpolate"),
    "interpolate_z": ("ganedit.latent.interpolation", "interpolate_z"),
    "mix": ("ganedit.latent.mixing", "mix_latents"),
    "combine": ("ganedit.latent.arithmetic", "combine"),
    "learn_direction": ("ganedit.latent.directions.examples", "learn_direction"),
    "examples_from_classifier": ("ganedit.latent.directions.examples", "examples_from_classifier"),
    "examples_from_arrays": ("ganedit.latent.directions.examples", "examples_from_arrays"),
    "examples_from_csv": ("ganedit.latent.directions.examples", "examples_from_csv"),
    "examples_from_folders": ("ganedit.latent.directions.examples", "examples_from_folders"),
    "discover_directions": ("ganedit.latent.directions.discovery", "discover_directions"),
    "find_channels": ("ganedit.latent.directions.channel_search", "find_channels_that"),
    "import_directions": ("ganedit.latent.directions.foreign", "import_directions"),
    "export_direction": ("ganedit.latent.directions.foreign", "export_direction"),
    "pull_directions": ("ganedit.latent.directions.pulling", "pull_directions"),
    "import_latents": ("ganedit.latent.foreign", "import_latents"),
    "export_latents": ("ganedit.latent.foreign", "export_latents"),
    "dissect": ("ganedit.latent.units.dissection", "dissect"),
    "Wish": ("ganedit.text.guidance", "Wish"),
    "SteerOptions": ("ganedit.text.optimize", "SteerOptions"),
    "clip_edit": ("ganedit.text.edits", "clip_edit"),
    "clip_direction": ("ganedit.text.edits", "clip_direction"),
    "clip_generate": ("ganedit.text.optimize", "search"),
    "rank": ("ganedit.text.ranking", "rank"),
    "translate": ("ganedit.images.translation", "translate"),
    "enhance_crop": ("ganedit.images.upscaling", "enhance_crop"),
    "upscale": ("ganedit.images.upscaling", "upscale"),
    "restore": ("ganedit.images.restoring", "restore"),
    "inpaint": ("ganedit.images.inpainting", "inpaint"),
    "box_hole": ("ganedit.images.inpainting", "box_hole"),
    "mask_hole": ("ganedit.images.inpainting", "mask_hole"),
    "classify": ("ganedit.images.classifying", "classify"),
    "singan_random": ("ganedit.images.singan", "singan_random"),
    "singan_superres": ("ganedit.images.singan", "singan_superres"),
    "singan_paint": ("ganedit.images.singan", "singan_paint"),
    "singan_edit": ("ganedit.images.singan", "singan_edit"),
    "singan_harmonize": ("ganedit.images.singan", "singan_harmonize"),
    "singan_animate": ("ganedit.images.singan", "singan_animate"),
    "colorize": ("ganedit.images.colorizing", "colorize"),
    "draw_edges": ("ganedit.images.edges", "draw_edges"),
    "draw_regions": ("ganedit.images.regions", "draw_regions"),
    "Sound": ("ganedit.audio.files", "Sound"),
    "read_sound": ("ganedit.audio.files", "read_sound"),
    "write_sound": ("ganedit.audio.files", "write_sound"),
    "timbre": ("ganedit.audio.timbre", "transfer"),
    "train_model": ("ganedit.train.start", "train"),
    "measure_images": ("ganedit.metrics.samples", "measure_images"),
    "measure_diversity": ("ganedit.metrics.diversity", "measure_diversity"),
    "measure_path_length": ("ganedit.metrics.diversity", "measure_path_length"),
    "measure_faces": ("ganedit.metrics.faces", "measure_faces"),
    "measure_upscaler": ("ganedit.metrics.upscaling", "measure_upscaler"),
    "measure_inpainting": ("ganedit.metrics.inpainting", "measure_inpainting"),
    "measure_safe_range": ("ganedit.metrics.safe_range", "measure_safe_range"),
    "measure_timbre": ("ganedit.metrics.timbre_transfer", "measure_timbre"),
    "measure_vocoders": ("ganedit.metrics.vocoding", "measure_vocoders"),
    "translate_folder": ("ganedit.metrics.translating", "translate_folder"),
    "frechet_distance": ("ganedit.metrics.frechet", "frechet_distance_of"),
    "embed_images": ("ganedit.metrics.image_features", "embed_images"),
    "zero_shot": ("ganedit.metrics.zero_shot", "zero_shot"),
    "import_model": ("ganedit.store.importing", "import_model"),
    "export_model": ("ganedit.store.export", "export"),
    "pull_model": ("ganedit.store.downloads.pulling", "pull"),
    "read_provenance": ("ganedit.images.io", "read_provenance"),
}
"""Public names with their modules; imported on first use, so that `import ganedit` stays light."""

__all__ = [
    "Direction",
    "DragOptions",
    "Latent",
    "Photo",
    "PointMove",
    "ProjectOptions",
    "Sound",
    "SteerOptions",
    "Wish",
    "__version__",
    "align",
    "box_hole",
    "classify",
    "clip_direction",
    "clip_edit",
    "clip_generate",
    "colorize",
    "combine",
    "direction",
    "discover_directions",
    "dissect",
    "drag",
    "draw",
    "draw_edges",
    "draw_regions",
    "edit",
    "embed_images",
    "enhance_crop",
    "examples_from_arrays",
    "examples_from_classifier",
    "examples_from_csv",
    "examples_from_folders",
    "export_direction",
    "export_latents",
    "export_model",
    "find_channels",
    "frechet_distance",
    "generate",
    "import_directions",
    "import_latents",
    "import_model",
    "inpaint",
    "interpolate",
    "interpolate_z",
    "learn_direction",
    "load",
    "mask_hole",
    "measure_diversity",
    "measure_faces",
    "measure_images",
    "measure_inpainting",
    "measure_path_length",
    "measure_safe_range",
    "measure_timbre",
    "measure_upscaler",
    "measure_vocoders",
    "mix",
    "paste",
    "person_in",
    "project",
    "pull_directions",
    "pull_model",
    "rank",
    "read_image",
    "read_provenance",
    "read_sound",
    "restore",
    "singan_animate",
    "singan_edit",
    "singan_harmonize",
    "singan_paint",
    "singan_random",
    "singan_superres",
    "timbre",
    "train_model",
    "translate",
    "translate_folder",
    "upscale",
    "write_image",
    "write_sound",
    "zero_shot",
]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        module, own_name = _PUBLIC[name]
        return getattr(import_module(module), own_name)
    raise AttributeError(f"module 'ganedit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
