"""Photographs through small networks, by calls: in kind, at any size."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from torch import nn

import ganedit
from ganedit.errors import CheckpointError, InputError, MissingError, UsageError
from ganedit.images.io import Photo
from ganedit.images.labels import LabelMap
from ganedit.images.pixels import resize
from ganedit.images.targets import style_encoder, style_of, target_of
from ganedit.images.translation import batch_size, translate_all
from ganedit.nets.resnet import ResNetConfig, ResNetGenerator
from ganedit.nets.spade import SPADEConfig, SPADEGenerator, StyleEncoder, StyleEncoderConfig
from ganedit.nets.srresnet import SRResNet, SRResNetConfig
from ganedit.nets.stargan import StarGANConfig, StarGANGenerator
from ganedit.nets.unet import UNetConfig, UNetGenerator
from ganedit.store.cards import ModelCard
from ganedit.store.load import save_model
from ganedit.store.models import Encoder, Generator, Translator, Upscaler
from ganedit.store.uses import use_of, use_on_card


def card(name: str, task: str, architecture: str, **details) -> ModelCard:
    return ModelCard(name, task, architecture, {}, details=details)


def quiet(network: nn.Module) -> nn.Module:
    """In evaluation mode, with weights that keep the variance: small ones would hide every difference."""
    with torch.no_grad():
        for weight in network.parameters():
            if weight.ndim > 1:
                weight.normal_(0, weight[0].numel() ** -0.5)
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def resnet() -> Translator:
    torch.manual_seed(0)
    network = ResNetGenerator(ResNetConfig(width=4, blocks=1, norm="batch"))
    return Translator(card("zebras", "translator", "resnet"), quiet(network))


@pytest.fixture(scope="module")
def upscaler() -> Upscaler:
    torch.manual_seed(0)
    return Upscaler(card("larger", "upscaler", "srresnet"), quiet(SRResNet(SRResNetConfig(8, 1, 1))))


@pytest.fixture(scope="module")
def painter() -> Translator:
    """From lightness to colours."""
    torch.manual_seed(0)
    network = quiet(UNetGenerator(UNetConfig(in_channels=1, out_channels=2, width=4, downs=2)))
    network.up[0].conv.weight *= 0.2  # colours that exist
    return Translator(card("painter", "translator", "unet"), network)


def photo(height: int, width: int, dtype=np.uint8, *, alpha: bool = False, grey: bool = False) -> Photo:
    rng = np.random.default_rng(0)
    white = np.iinfo(dtype).max
    small = rng.random((6, 6, 1 if grey else 3))
    pixels = np.repeat(small, 3, axis=2) if grey else small
    pixels = (resize(pixels.astype(np.float32), (height, width)).clip(0, 1) * white).astype(dtype)
    return Photo(
        pixels, (pixels[..., 0] // 2).copy() if alpha else None, grey, b"profile", path=None, sha256="0"
    )


# ---- translate ----


def test_a_photo_is_translated_as_the_network_does(resnet):
    source = photo(37, 50)
    result = ganedit.translate(source, resnet)
    wanted = resnet(torch.from_numpy(source.pixels).permute(2, 0, 1)[None].float() / 127.5 - 1)
    levels = (wanted[0].permute(1, 2, 0).numpy() * 127.5 + 127.5).clip(0, 255)
    assert result.pixels.shape == (37, 50, 3)
    assert np.abs(result.pixels - levels).max() <= 0.51


def test_depth_and_alpha_are_kept(resnet):
    source = photo(40, 40, np.uint16, alpha=True)
    result = ganedit.translate(source, resnet)
    assert result.pixels.dtype == np.uint16
    assert (result.alpha == source.alpha).all()
    assert result.icc is None  # what a network draws is in sRGB
    eight = replace(source, pixels=(source.pixels >> 8).astype(np.uint8))
    rough = ganedit.translate(eight, resnet).pixels.astype(float)
    assert np.abs(result.pixels / 257 - rough).max() < 3
    assert len(np.unique(result.pixels)) > 256  # more than 8 bits could hold


def test_a_grey_photo_may_become_coloured(resnet):
    result = ganedit.translate(photo(32, 32, grey=True), resnet)
    assert not result.grey
    assert result.icc is None  # it was that of a single channel


def test_tiles_make_no_difference(resnet):
    source = photo(260, 300)
    whole, parts = (ganedit.translate(source, resnet, tile=tile).pixels.astype(int) for tile in (0, 128))
    assert np.abs(whole - parts).max() <= 1


def test_the_network_sees_another_size(resnet):
    result = ganedit.translate(photo(300, 600, alpha=True), resnet, size=64)
    assert result.pixels.shape == (64, 128, 3)
    assert result.alpha.shape == (64, 128)
    with pytest.raises(UsageError, match="`size=0`"):
        ganedit.translate(photo(32, 32), resnet, size=0)


def test_a_card_names_the_size(resnet):
    model = Translator(replace(resnet.card, details={"size": 16}), resnet.network)
    assert ganedit.translate(photo(32, 64), model).pixels.shape == (16, 32, 3)
    assert ganedit.translate(photo(32, 64), model, size=24).pixels.shape == (24, 48, 3)
    with pytest.raises(InputError, match="one of 400000x1000"):
        ganedit.translate(photo(1, 400), resnet, size=1000)


def test_a_strip_is_not_made_into_something_else(resnet, unet):
    """100 times as long as wide: squeezed to a square, or enlarged to a wall, it is another picture."""
    strip = photo(2, 200)
    with pytest.raises(InputError, match=r"200x2 pixels is 100 times .* would see it as 16x16"):
        ganedit.translate(strip, unet)
    model = Translator(replace(resnet.card, details={"size": 16}), resnet.network)
    with pytest.raises(InputError, match="would see it as 1600x16") as refused:
        ganedit.translate(strip, model)
    assert "or choose `size=2`" in refused.value.hint
    assert ganedit.translate(strip, model, size=2).pixels.shape == (2, 200, 3)
    assert ganedit.translate(photo(16, 200), model).pixels.shape == (16, 200, 3)  # it is not enlarged
    assert ganedit.translate(strip, resnet).pixels.shape == (2, 200, 3)


@pytest.fixture(scope="module")
def unet() -> Translator:
    """Bound to squares of 16 pixels."""
    torch.manual_seed(0)
    network = quiet(UNetGenerator(UNetConfig(width=4, downs=4)))
    return Translator(replace(card("facades", "translator", "unet"), resolution=16), network)


def test_a_unet_is_shown_the_square_that_it_knows(unet):
    source = photo(40, 60, alpha=True)
    result = ganedit.translate(source, unet)
    square = ganedit.translate(Photo(resize(source.pixels, 16)), unet)
    assert square.pixels.shape == (16, 16, 3)
    assert (result.pixels == resize(square.pixels, (16, 24))).all()
    assert result.alpha.shape == (16, 24)
    assert ganedit.translate(source, unet, size=32).pixels.shape == (32, 48, 3)


def test_sketches_are_drawn_again_and_drawings_are_not(unet):
    import cv2

    sheet = np.full((200, 300, 3), 255, np.uint8)
    cv2.ellipse(sheet, (150, 100), (70, 60), 0, 0, 360, (0, 0, 0), 2, cv2.LINE_AA)
    pencil = (sheet // 3 + 140).astype(np.uint16) * 257  # grey on grey, 16 bits
    model = Translator(replace(unet.card, details={"input": "edges"}), unet.network)
    wanted, drawn, plain = (ganedit.translate(Photo(sheet), m).pixels for m in (unet, model, unet))
    assert (drawn == plain).all()
    result = ganedit.translate(Photo(pencil, alpha=np.full((200, 300), 65535, np.uint16)), model)
    assert (result.pixels.dtype, result.alpha) == (np.uint16, None)
    near, far = (
        np.abs(x / 257 - wanted).mean()
        for x in (result.pixels, ganedit.translate(Photo(pencil), unet).pixels)
    )
    assert near < far / 4


def test_a_picture_without_lines_is_no_sketch(unet):
    model = Translator(replace(unet.card, details={"input": "edges"}), unet.network)
    shades = np.linspace(60, 200, 64).astype(np.uint8)[:, None, None].repeat(64, axis=1).repeat(3, axis=2)
    with pytest.raises(InputError, match="shows no lines"):
        ganedit.translate(Photo(shades), model)


def test_several_at_once_are_each_for_itself(resnet, unet):
    one, two = photo(30, 40, alpha=True), photo(30, 40, np.uint16, grey=True)
    for model in (resnet, unet):
        for alone, together in zip((one, two), translate_all([one, two], model), strict=True):
            wanted = ganedit.translate(alone, model)
            assert together.pixels.dtype == wanted.pixels.dtype
            white = np.iinfo(wanted.pixels.dtype).max
            assert np.abs(together.pixels.astype(float) - wanted.pixels).max() <= max(white / 255 / 64, 1)
            assert (together.alpha is None) == (alone.alpha is None)
    with pytest.raises(InputError, match="of 2 sizes"):
        translate_all([one, photo(30, 41)], resnet)
    assert [batch_size(resnet, shape) for shape in ((256, 256), (512, 512), (3000, 4000))] == [4, 1, 1]
    assert batch_size(unet, (3000, 4000)) == 4  # seen as 16 x 16


@pytest.mark.parametrize("side", [1, 3, 5])
def test_a_photo_smaller_than_the_receptive_field(resnet, side):
    assert ganedit.translate(photo(side, 9), resnet).pixels.shape == (side, 9, 3)


def test_a_network_of_one_channel_sees_the_brightness():
    torch.manual_seed(0)
    network = quiet(UNetGenerator(UNetConfig(in_channels=1, width=4, downs=2)))
    model = Translator(card("sketch", "translator", "unet"), network)
    source = photo(16, 16)
    grey = (source.pixels @ np.array([0.299, 0.587, 0.114]))[..., None].repeat(3, axis=2)
    again = replace(source, pixels=(grey + 0.5).astype(np.uint8))
    difference = ganedit.translate(source, model).pixels - ganedit.translate(again, model).pixels.astype(int)
    assert np.abs(difference).max() <= 2


def test_targets_by_name_and_number():
    torch.manual_seed(0)
    network = quiet(StarGANGenerator(StarGANConfig(3, width=4, blocks=1)))
    model = Translator(card("hair", "translator", "stargan", labels=["black", "Blond", "young"]), network)
    assert target_of(model, ["blond", "2"]).tolist() == [[0, 1, 1]]
    with pytest.raises(UsageError, match="no label 'blak'") as error:
        target_of(model, ["blak"])
    assert error.value.hint == "did you mean black?"
    with pytest.raises(UsageError, match="aim at"):
        target_of(model, [])
    source = photo(16, 16)
    first, second = (ganedit.translate(source, model, label=target_of(model, [n])) for n in ("0", "1"))
    assert (first.pixels != second.pixels).any()
    both = translate_all([source, source], model, label=target_of(model, ["1"]))
    assert all(np.abs(x.pixels.astype(int) - second.pixels).max() <= 1 for x in both)


# ---- label maps ----


@pytest.fixture(scope="module")
def spade() -> Translator:
    torch.manual_seed(0)
    network = SPADEGenerator(SPADEConfig(4, width=1, hidden=4, style_dim=5, grid=(2, 2)))
    return Translator(card("faces-of", "translator", "spade", labels=["a", "b", "c", "d"]), quiet(network))


def test_label_maps_become_pictures(spade):
    labels = np.zeros((64, 96), np.uint8)
    labels[20:40] = 3
    result = ganedit.translate(LabelMap(labels), spade)
    onehot = nn.functional.one_hot(torch.from_numpy(labels.astype(np.int64)), 4).permute(2, 0, 1)[None]
    wanted = spade(onehot.float())[0].permute(1, 2, 0).numpy() * 127.5 + 127.5
    assert np.abs(result.pixels - wanted).max() <= 0.51
    assert ganedit.translate(LabelMap(labels), spade, size=32).pixels.shape == (32, 48, 3)


def test_unknown_labels_are_named(spade):
    labels = np.zeros((64, 64), np.uint8)
    labels[0, :5], labels[1, 0] = 19, 255
    with pytest.raises(InputError) as error:
        ganedit.translate(LabelMap(labels), spade)
    assert "19, 255" in error.value.message
    assert "(6 of 4,096 pixels)" in error.value.message
    assert "0 to 3 (a, b, c, d)" in error.value.message


def test_photos_and_maps_are_told_apart(spade, resnet):
    with pytest.raises(InputError, match="label maps, not from photos"):
        ganedit.translate(photo(64, 64), spade)
    with pytest.raises(InputError, match="photos, not from label maps"):
        ganedit.translate(LabelMap(np.zeros((64, 64), np.uint8)), resnet)


def test_outlines_are_the_last_channel():
    torch.manual_seed(0)
    network = ResNetGenerator(ResNetConfig(in_channels=3, width=4, blocks=1, norm="batch"))
    model = Translator(card("m", "translator", "resnet", input="labels", edges=True), quiet(network))
    labels = np.zeros((16, 16), np.uint8)
    labels[:, 8:] = 1
    x = torch.zeros(1, 3, 16, 16)
    x[0, 0, :, :8] = x[0, 1, :, 8:] = 1
    x[0, 2, :, 7:9] = 1
    wanted = model(x)[0].permute(1, 2, 0).numpy() * 127.5 + 127.5
    assert np.abs(ganedit.translate(LabelMap(labels), model).pixels - wanted).max() <= 0.51


def test_styles_come_from_the_models_own_encoder(spade, tiny_faces):
    torch.manual_seed(0)
    cfg = StyleEncoderConfig(5, width=4, layers=2)
    network = StyleEncoder(cfg)
    about = ModelCard(
        "faces-of-encoder", "encoder", "spade-encoder", {"style_dim": 5, "width": 4, "layers": 2},
        details={"model": "faces-of"},
    )  # fmt: skip
    with pytest.raises(MissingError, match="no style encoder"):
        style_encoder(spade)
    save_model(tiny_faces / "faces-of-encoder", about, network.state_dict())
    encoder = style_encoder(spade)
    assert isinstance(encoder, Encoder)
    style = style_of(photo(50, 50), encoder)
    assert style.shape == (1, 5)
    labels = LabelMap(np.zeros((64, 64), np.uint8))
    plain, styled = ganedit.translate(labels, spade), ganedit.translate(labels, spade, style=style * 100)
    assert (plain.pixels != styled.pixels).any()
    with pytest.raises(CheckpointError, match="faces-encoder is an encoder of something else"):
        style_encoder(spade, "faces-encoder")


# ---- upscale ----


def test_upscaling_keeps_what_the_photo_is(upscaler):
    source = photo(20, 31, np.uint16, alpha=True, grey=True)
    result = ganedit.upscale(source, upscaler)
    assert result.pixels.shape == (40, 62, 3)
    assert result.pixels.dtype == np.uint16
    assert result.grey
    assert result.icc == b"profile"
    assert (result.pixels == result.pixels[..., :1]).all()
    assert (result.alpha == resize(source.alpha, (40, 62))).all()


def test_upscaling_in_tiles(upscaler):
    source = photo(150, 270)
    whole, parts = (ganedit.upscale(source, upscaler, tile=tile).pixels.astype(int) for tile in (0, 128))
    assert np.abs(whole - parts).max() <= 1
    assert ganedit.upscale(source, upscaler, size=75).pixels.shape == (150, 270, 3)


def test_pictures_that_no_file_could_hold_are_refused(upscaler):
    large = Photo(np.broadcast_to(np.zeros(3, np.uint8), (10_000, 10_000, 3)))
    with pytest.raises(InputError, match="20000x20000"):
        ganedit.upscale(large, upscaler)


# ---- colorize ----


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_lightness_stays_the_photos_own(painter, dtype):
    import cv2

    source = photo(45, 61, dtype, grey=True)
    source.pixels[:] = (
        source.pixels // 2 + np.iinfo(dtype).max // 4
    )  # colours of any kind fit about the middle
    result = ganedit.colorize(source, painter)
    assert result.pixels.dtype == dtype
    assert not result.grey
    assert (result.pixels[..., 0] != result.pixels[..., 1]).any()
    lightness = [
        cv2.cvtColor(p.pixels.astype(np.float32) / np.iinfo(dtype).max, cv2.COLOR_RGB2LAB)[..., 0]
        for p in (source, result)
    ]
    assert np.abs(lightness[0] - lightness[1]).max() < 0.7  # of 100


def test_colours_come_from_the_square_that_the_network_knows(painter):
    model = Translator(replace(painter.card, resolution=16), painter.network)
    shapes = []
    hook = painter.network.register_forward_hook(lambda m, x, y: shapes.append(tuple(x[0].shape)))
    assert ganedit.colorize(photo(45, 61), model).pixels.shape == (45, 61, 3)
    hook.remove()
    assert shapes == [(1, 1, 16, 16)]


def test_the_colours_a_network_gives_are_those_of_lab():
    class Red(nn.Module):
        cfg = UNetConfig(in_channels=1, out_channels=2, downs=1)

        def __init__(self) -> None:
            super().__init__()
            self.none = nn.Parameter(torch.zeros(1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            red = torch.tensor([80.09, 67.20]) / 110  # a and b of sRGB's red, whose L is 53.24
            return red.view(1, 2, 1, 1).expand(1, 2, *x.shape[2:])

    model = Translator(card("red", "translator", "unet"), quiet(Red()))
    grey = Photo(np.full((8, 8, 3), 127, np.uint8), grey=True)  # has that L, too
    assert np.abs(ganedit.colorize(grey, model).pixels.astype(int) - (255, 0, 0)).max() <= 3


# ---- models for something else ----


def test_a_model_for_another_command_names_it(resnet, upscaler, painter):
    source = photo(16, 16)
    with pytest.raises(CheckpointError) as error:
        ganedit.translate(source, upscaler)
    assert error.value.message == "larger is an upscaler"
    assert error.value.hint == "ganedit upscale --model larger"
    with pytest.raises(CheckpointError, match="zebras is a translator"):
        ganedit.upscale(source, resnet)
    with pytest.raises(CheckpointError, match="painter is a model that adds colours"):
        ganedit.translate(source, painter)
    with pytest.raises(CheckpointError, match="zebras is a translator"):
        ganedit.colorize(source, resnet)
    assert [use_of(m) for m in (resnet, upscaler, painter)] == ["translate", "upscale", "colorize"]
    cards = [replace(model.card, config=asdict(model.network.cfg)) for model in (resnet, upscaler, painter)]
    assert [use_on_card(card) for card in cards] == ["translate", "upscale", "colorize"]
    generator = Generator.__new__(Generator)
    generator.card = card("faces", "generator", "stylegan2")
    with pytest.raises(CheckpointError, match="faces is a generator, not a translator"):
        ganedit.translate(source, generator)
