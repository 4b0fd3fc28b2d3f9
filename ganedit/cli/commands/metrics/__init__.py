"""`ganedit metrics`: measure a model."""

from __future__ import annotations

from ganedit.cli.commands.metrics.clip import clip
from ganedit.cli.commands.metrics.faces import faces
from ganedit.cli.commands.metrics.inpaint import inpaint
from ganedit.cli.commands.metrics.timbre import timbre
from ganedit.cli.commands.metrics.translate import translate
from ganedit.cli.commands.metrics.upscale import upscale
from ganedit.cli.commands.metrics.vocoder import vocoder

COMMANDS = {
    "faces": faces,
    "upscale": upscale,
    "inpaint": inpaint,
    "translate": translate,
    "clip": clip,
    "timbre": timbre,
    "vocoder": vocoder,
}
