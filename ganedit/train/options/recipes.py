"""All recipes with their options, and the command line for given options."""

from __future__ import annotations

import shlex
from dataclasses import fields
from pathlib import PurePath

from ganedit.train.options.adaptation import AdaptOptions
from ganedit.train.options.base import (
    LoopOptions,
    flag_of,
)
from ganedit.train.options.gan import GANOptions
from ganedit.train.options.generators import (
    EncoderOptions,
    StyleGAN2Options,
    StyleGAN3Options,
    VoynovOptions,
)
from ganedit.train.options.growing import ProGANOptions, StyleGAN1Options
from ganedit.train.options.label_maps import Pix2pixHDOptions, SPADEOptions
from ganedit.train.options.pictures import InpaintOptions, SRGANOptions
from ganedit.train.options.recognition import ClassifierOptions, CLIPMapperOptions, CLIPOptions
from ganedit.train.options.singan import SinGANOptions
from ganedit.train.options.sounds import TimbreOptions, VocoderOptions, WaveNetOptions
from ganedit.train.options.translators import (
    CUTOptions,
    CycleGANOptions,
    Pix2pixOptions,
    StarGANOptions,
    UNITOptions,
)

IN_CARD = ("about_data", "terms", "test")  # a card has separate fields for these


def command_line(options: LoopOptions) -> str:
    """The command for these options: names of the data, then the flags that differ from the defaults."""
    name = next(name for name, kind in RECIPES.items() if kind is type(options))
    words = [f"ganedit train {name}", *(PurePath(one).name for one in options.data)]
    for f in fields(options):
        value = getattr(options, f.name)
        if f.name == "data" or f.name in IN_CARD or value == f.default:
            continue
        flag = flag_of(f.name)
        if isinstance(value, bool):
            words.append(flag if value else flag.replace("--", "--no-", 1))
        else:
            words.append(f"{flag} {shlex.quote(str(value))}")
    return " ".join(words)


RECIPES: dict[str, type[LoopOptions]] = {
    "stylegan2": StyleGAN2Options,
    "stylegan3": StyleGAN3Options,
    "gan": GANOptions,
    "progan": ProGANOptions,
    "stylegan1": StyleGAN1Options,
    "encoder": EncoderOptions,
    "clip": CLIPOptions,
    "clip-mapper": CLIPMapperOptions,
    "voynov": VoynovOptions,
    "classifier": ClassifierOptions,
    "adapt": AdaptOptions,
    "pix2pix": Pix2pixOptions,
    "cyclegan": CycleGANOptions,
    "cut": CUTOptions,
    "unit": UNITOptions,
    "pix2pixhd": Pix2pixHDOptions,
    "spade": SPADEOptions,
    "srgan": SRGANOptions,
    "inpaint": InpaintOptions,
    "stargan": StarGANOptions,
    "singan": SinGANOptions,
    "timbre": TimbreOptions,
    "vocoder": VocoderOptions,
    "wavenet": WaveNetOptions,
}
"""Options of each recipe; `train.recipes.NAME`, with _ for -, has `start(options, device, note, on_load) ->
Recipe`."""
