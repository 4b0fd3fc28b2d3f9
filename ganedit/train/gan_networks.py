"""The networks that the options of `train gan` stand for, and what happens to them outside of steps."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ganedit.nets import biggan, dcgan, fastgan, mlp_gan, resnet_gan
from ganedit.nets.layers_conditional import (
    AutoencoderJudge,
    HeadConfig,
    Judge,
    Judging,
    normalise_spectrally,
)
from ganedit.train.options.gan import GANOptions

ARCHITECTURES = {
    "mlp": "mlp-gan", "dcgan": "dcgan", "resnet": "resnet-gan", "biggan": "biggan", "fastgan": "fastgan"
}  # fmt: skip
"""Key of `store.architectures.ARCHITECTURES` of each network."""

JUDGING: dict[str, Judging] = {
    "none": "none", "concat": "concat", "cbn": "concat", "projection": "projection", "acgan": "acgan"
}  # fmt: skip
"""How the discriminator looks at classes, for each condition."""

BY_NORM = ("cbn", "projection")
"""Conditions whose generators choose scale and shift of their normalisations by the class."""

STATISTICS = 5  # truncations for which a new BigGAN stores statistics
BATCHES = 16  # that the statistics of other networks are averaged over


def make_generator(options: GANOptions, resolution: int, channels: int, classes: int) -> nn.Module:
    """The generator of images [N, channels, resolution, resolution]; 1 px and 2 channels for points."""
    z, width = options.z_dim, options.width
    by_norm = options.condition in BY_NORM
    g: nn.Module
    if options.network == "mlp":
        g = mlp_gan.Generator(
            mlp_gan.GeneratorConfig(resolution, z, width, options.layers, channels, classes)
        )
    elif options.network == "dcgan":
        g = dcgan.Generator(dcgan.GeneratorConfig(resolution, z, width, channels, classes, by_norm))
    elif options.network == "resnet":
        g = resnet_gan.Generator(resnet_gan.GeneratorConfig(resolution, z, width, channels, classes, by_norm))
    elif options.network == "fastgan":
        g = fastgan.Generator(fastgan.GeneratorConfig(resolution, z, width, channels, classes, by_norm))
    else:
        g = biggan.Generator(biggan.plan(resolution, width, classes, z, STATISTICS))
        biggan.initialise(g)
    if options.spectral_norm == "both":
        normalise_spectrally(g)
    return g


def make_discriminator(options: GANOptions, resolution: int, channels: int, classes: int) -> nn.Module:
    """Its discriminator, which maps images and classes to logits [N, 1], and to guessed classes or None."""
    judging = JUDGING[options.condition]
    seen = channels + classes * (judging == "concat")
    width = options.d_width or options.width
    trunk: nn.Module
    if options.network == "mlp":
        trunk = mlp_gan.Trunk(mlp_gan.TrunkConfig(resolution, width, options.layers, seen))
    elif options.network == "dcgan":
        # Both bound the slope at single images, which batch normalisation makes depend on the others.
        batch_norm = options.penalty in ("none", "clip") and options.spectral_norm == "none"
        trunk = dcgan.Trunk(dcgan.TrunkConfig(resolution, width, seen, batch_norm))
    elif options.network == "resnet":
        trunk = resnet_gan.Trunk(resnet_gan.TrunkConfig(resolution, width, seen))
    elif options.network == "fastgan":
        batch_norm = options.penalty in ("none", "clip")
        trunk = fastgan.Trunk(fastgan.TrunkConfig(resolution, width, seen, batch_norm))
    else:
        trunk = biggan.Trunk(biggan.TrunkConfig(resolution, width, seen))
        biggan.initialise(trunk)
    if options.loss == "began":
        return AutoencoderJudge(trunk, make_generator(options, resolution, channels, 0))
    head = HeadConfig(judging, classes, options.minibatch_discrimination, options.minibatch_stddev)
    if isinstance(trunk, fastgan.Trunk) and options.redraw > 0:
        d: Judge = fastgan.RedrawingJudge(trunk, head, width, channels)
    else:
        d = Judge(trunk, head)
    if options.spectral_norm != "none":
        normalise_spectrally(d)
    return d


@torch.no_grad()
def refresh_statistics(generator: nn.Module, draw: Callable[[], tuple[Tensor, Tensor | None]]) -> None:
    """Measure anew what its batch normalisations divide by, since averaged weights have other activations.

    Brock et al., arXiv:1809.11096, section 3.1 ("standing statistics").

    Args:
        generator: The averaged one.
        draw: Returns z and classes of a batch.
    """
    if isinstance(generator, biggan.Generator):
        generator.record_statistics(lambda: _classes(draw))
        return
    norms = [module for module in generator.modules() if isinstance(module, nn.BatchNorm2d)]
    if not norms:
        return
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches
    _train_norms(generator, True)
    for _ in range(BATCHES):
        generator(*draw())
    _train_norms(generator, False)


def _train_norms(generator: nn.Module, on: bool) -> None:
    """Only these, as spectral norms also change in training."""
    for module in generator.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.train(on)


def _classes(draw: Callable[[], tuple[Tensor, Tensor | None]]) -> Tensor:
    _, c = draw()
    assert c is not None
    return c
