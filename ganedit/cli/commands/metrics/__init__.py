"""`ganedit metrics`: measure a model."""

from __future__ import annotations

from ganedit.cli.commands.metrics.clip import clip
from ganedit.cli.commands.metrics.faces import faces
from ganedit.cli.commands.metrics.fid import fid
from ganedit.cli.commands.metrics.inpaint import inpaint
from ganedit.cli.commands.metrics.is_ import is_
from ganedit.cli.commands.metrics.kid import kid
from ganedit.cli.commands.metrics.lpips import lpips
from ganedit.cli.commands.metrics.ms_ssim import ms_ssim
from ganedit.cli.commands.metrics.ppl import ppl
from ganedit.cli.commands.metrics.prdc import prdc
from ganedit.cli.commands.metrics.timbre import timbre
from ganedit.cli.commands.metrics.translate import translate
from ganedit.cli.commands.metrics.upscale import upscale
from ganedit.cli.commands.metrics.vocoder import vocoder

COMMANDS = {
    "fid": fid,
    "kid": kid,
    "is": is_,
    "prdc": prdc,
    "ppl": ppl,
    "ms-ssim": ms_ssim,
    "lpips": lpips,
    "faces": faces,
    "upscale": upscale,
    "inpaint": inpaint,
    "translate": translate,
    "clip": clip,
    "timbre": timbre,
    "vocoder": vocoder,
}
