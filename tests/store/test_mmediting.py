"""Networks of MMGeneration and MMEditing, against ones built here layer by layer with their names."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from reference import assert_golden
from torch import Tensor, nn

from ganedit.errors import CheckpointError
from ganedit.images.io import Photo
from ganedit.images.translation import translate
from ganedit.store.architectures import build
from ganedit.store.foreign import open_foreign
from ganedit.store.formats import mmediting
from ganedit.store.load import load

NORMS = {"in": nn.InstanceNorm2d, "bn": nn.BatchNorm2d}


class Unit(nn.Module):
    """A convolution `conv`, its normalisation `in` or `bn`, and an activation before or after them."""

    def __init__(self, conv: nn.Module, norm: str = "", before=None, after=None, reflect: int = 0) -> None:
        super().__init__()
        self.before, self.conv, self.after, self.norm, self.reflect = before, conv, after, norm, reflect
        if norm:
            channels = conv.out_channels
            self.add_module(norm, NORMS[norm](channels))

    def forward(self, x: Tensor) -> Tensor:
        x = x if self.before is None else self.before(x)
        x = nn.functional.pad(x, [self.reflect] * 4, "reflect") if self.reflect else x
        x = self.conv(x)
        x = getattr(self, self.norm)(x) if self.norm else x
        return x if self.after is None else self.after(x)


class Block(nn.Module):
    def __init__(self, width: int, norm: str, dropout: bool) -> None:
        super().__init__()
        bias, relu = norm == "in", nn.ReLU()
        first = Unit(nn.Conv2d(width, width, 3, bias=bias), norm, after=relu, reflect=1)
        second = Unit(nn.Conv2d(width, width, 3, bias=bias), norm, reflect=1)
        self.block = nn.Sequential(first, *([nn.Dropout(0.5)] if dropout else []), second)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x)


def resnet(norm: str = "in", blocks: int = 2, dropout: bool = False, w: int = 4) -> nn.Module:
    bias, relu = norm == "in", nn.ReLU()

    def down(c: int) -> Unit:
        return Unit(nn.Conv2d(c, 2 * c, 3, 2, 1, bias=bias), norm, after=relu)

    def up(c: int) -> Unit:
        return Unit(nn.ConvTranspose2d(c, c // 2, 3, 2, 1, 1, bias=bias), norm, after=relu)

    return nn.Sequential(
        Unit(nn.Conv2d(3, w, 7, bias=bias), norm, after=relu, reflect=3),
        down(w), down(2 * w), *(Block(4 * w, norm, dropout) for _ in range(blocks)), up(4 * w), up(2 * w),
        Unit(nn.Conv2d(w, 3, 7), after=nn.Tanh(), reflect=3),
    )  # fmt: skip


class Level(nn.Module):
    """A level of a U-Net with the ones inside it."""

    def __init__(self, outer: int, inner: int, norm: str, inside: nn.Module | None, outermost: bool) -> None:
        super().__init__()
        bias = norm == "in"
        plain = outermost or inside is None
        down = nn.Conv2d(3 if outermost else outer, inner, 4, 2, 1, bias=bias)
        up = nn.ConvTranspose2d(inner * (1 if inside is None else 2), outer, 4, 2, 1, bias=bias or outermost)
        leaky = None if outermost else nn.LeakyReLU(0.2)
        self.model = nn.Sequential(
            Unit(down, "" if plain else norm, before=leaky),
            *([] if inside is None else [inside]),
            Unit(up, "" if outermost else norm, before=nn.ReLU()),
        )
        self.outermost = outermost

    def forward(self, x: Tensor) -> Tensor:
        y = self.model(x)
        return y.tanh() if self.outermost else torch.cat([x, y], 1)


def unet(norm: str = "bn", downs: int = 5, w: int = 4) -> nn.Module:
    widths = [w, 2 * w, 4 * w, *[8 * w] * (downs - 3)]
    inside = None
    for outer, inner in reversed(list(pairwise(widths))):
        inside = Level(outer, inner, norm, inside, False)
    return Level(3, w, norm, inside, True)


def patchgan(norm: str = "in", w: int = 4) -> nn.Module:
    bias, leaky = norm == "in", nn.LeakyReLU(0.2)
    return nn.Sequential(
        Unit(nn.Conv2d(6, w, 4, 2, 1), after=leaky),
        Unit(nn.Conv2d(w, 2 * w, 4, 2, 1, bias=bias), norm, after=leaky),
        Unit(nn.Conv2d(2 * w, 4 * w, 4, 2, 1, bias=bias), norm, after=leaky),
        Unit(nn.Conv2d(4 * w, 8 * w, 4, 1, 1, bias=bias), norm, after=leaky),
        nn.Conv2d(8 * w, 1, 4, 1, 1),
    )


def stored(network: nn.Module, prefix: str = "model.") -> dict[str, Tensor]:
    """As in their files."""
    return {f"{prefix}{name}": tensor for name, tensor in network.state_dict().items()}


NETWORKS = {
    "resnet": lambda: resnet(),
    "resnet-bn": lambda: resnet("bn", blocks=3),
    "resnet-dropout": lambda: resnet(dropout=True),
    "unet": lambda: unet(),
    "unet-in": lambda: unet("in", downs=6),
    "patchgan": lambda: patchgan(),
    "patchgan-bn": lambda: patchgan("bn"),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_do_what_theirs_do(name):
    torch.manual_seed(0)
    reference = NETWORKS[name]()
    x = torch.randn(2, 6 if "patchgan" in name else 3, 64, 64)
    reference(x)  # gives batch normalisation its statistics
    reference.eval()
    found = mmediting.read(stored(reference))
    assert found.task == ("discriminator" if "patchgan" in name else "translator")
    network = build(found.weights.architecture, found.weights.config, found.weights.state).eval()
    assert_golden(network(x), reference(x))


def test_a_cyclegan_holds_two_generators(tmp_path):
    """They are called by what they make, beside discriminators, as `generators.photo.model...`."""
    torch.manual_seed(0)
    photo, mask = resnet(), resnet()
    state = stored(photo, "generators.photo.model.") | stored(mask, "generators.mask.model.")
    state |= stored(patchgan(), "discriminators.photo.model.")
    torch.save({"meta": {"iter": 1}, "state_dict": state}, tmp_path / "iter.pth")
    with pytest.raises(CheckpointError, match=r"2 networks: generators\.photo, generators\.mask"):
        load(tmp_path / "iter.pth")
    found = open_foreign(tmp_path / "iter.pth", network="generators.mask")
    network = build(found.weights.architecture, found.weights.config, found.weights.state).eval()
    x = torch.randn(1, 3, 32, 32)
    assert_golden(network(x), mask(x))


def test_a_pix2pix_holds_one(tmp_path):
    torch.manual_seed(0)
    state = stored(unet().eval(), "generators.photo.model.") | stored(
        patchgan(), "discriminators.photo.model."
    )
    torch.save({"meta": {}, "state_dict": state}, tmp_path / "iter.pth")
    model = load(tmp_path / "iter.pth", device="cpu")
    result = translate(Photo(torch.zeros(32, 32, 3, dtype=torch.uint8).numpy()), model)
    assert result.pixels.shape == (32, 32, 3)


def test_a_tensor_too_many_is_named():
    state = stored(resnet()) | {"model.0.extra.weight": torch.zeros(3)}
    with pytest.raises(CheckpointError, match=r"model\.0\.extra\.weight"):
        mmediting.read(state)
