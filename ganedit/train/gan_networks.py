"""The networks that the options of `train gan` stand for, and what happens to them outside of steps."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ganedit.nets import mlp_gan
from ganedit.nets.layers_conditional import (
    AutoencoderJudge,
    HeadConfig,
    Judge,
    Judging,
    fold_spectral_norms,
    normalise_spectrally,
)
from ganedit.train.options.gan import GANOptions

ARCHITECTURES = {"mlp": "mlp-gan"}
"""Key of `store.architectures.ARCHITECTURES` of each network."""

JUDGING: dict[str, Judging] = {"cbn": "concat"}
"""How a discriminator looks at classes, where it is not called as the condition is."""

BATCHES = 16  # that statistics are averaged over


def make_generator(options: GANOptions, resolution: int, channels: int, classes: int) -> nn.Module:
    """The generator of images [N, channels, resolution, resolution]; 1 px and 2 channels for points."""
    mlp = mlp_gan.GeneratorConfig(
        resolution, options.z_dim, options.width, options.layers, channels, classes
    )
    return mlp_gan.Generator(mlp)


def make_discriminator(options: GANOptions, resolution: int, channels: int, classes: int) -> nn.Module:
    """Its discriminator, which maps images and classes to logits [N, 1], and to guessed classes or None."""
    judging = JUDGING.get(options.condition, options.condition)
    seen = channels + classes * (judging == "concat")
    width = options.d_width or options.width
    trunk = mlp_gan.Trunk(mlp_gan.TrunkConfig(resolution, width, options.layers, seen))
    if options.loss == "began":
        return AutoencoderJudge(trunk, make_generator(options, resolution, channels, 0))
    head = HeadConfig(judging, classes, options.minibatch_discrimination, options.minibatch_stddev)
    return Judge(trunk, head)


def averaged_copy(generator: nn.Module) -> nn.Module:
    """A copy for the moving average."""
    return copy.deepcopy(generator).eval().requires_grad_(False)


def plain_copy(generator: nn.Module) -> nn.Module:
    """A copy whose weights are stored as the published ones are: without the parts of spectral norms."""
    return fold_spectral_norms(copy.deepcopy(generator))


@torch.no_grad()
def refresh_statistics(generator: nn.Module, draw: Callable[[], tuple[Tensor, Tensor | None]]) -> None:
    """Measure anew what its batch normalisations divide by, since averaged weights have other activations.

    Brock et al., arXiv:1809.11096, section 3.1 ("standing statistics").

    Args:
        generator: The averaged one.
        draw: Returns z and classes of a batch.
    """
    norms = [module for module in generator.modules() if isinstance(module, nn.BatchNorm2d)]
    if not norms:
        return
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches
    generator.train()
    for _ in range(BATCHES):
        generator(*draw())
    generator.eval()
