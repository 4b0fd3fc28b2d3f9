"""Files of CycleGAN, pix2pix, pix2pixHD, SPADE, StarGAN, UNIT, SRGAN: the reference outputs, and variants."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import published_layouts as published
import pytest
import torch
from reference import TRANSLATORS, assert_golden, everywhere, one_hot, path_id, reference_file
from safetensors.torch import load_file
from torch import nn

import ganedit
from ganedit.errors import CheckpointError, InputError
from ganedit.store.architectures import build
from ganedit.store.foreign import Foreign, open_foreign
from ganedit.store.formats import cyclegan, pix2pixhd, spade, srgan, stargan, unit
from ganedit.store.load import card_of, save_model


def network_of(found: Foreign | None) -> nn.Module:
    assert found is not None
    return build(found.weights.architecture, found.weights.config, found.weights.state)


def vectors(path: Path, name: str = "") -> dict[str, torch.Tensor]:
    return load_file(path.with_name(f"{name or TRANSLATORS[path.name].vectors}.golden.safetensors"))


PICTURES = [file for file in TRANSLATORS if "net_D" not in file and "-D" not in file]


@pytest.mark.parametrize("path", everywhere(*TRANSLATORS), ids=path_id)
def test_golden(path):
    reference, golden = TRANSLATORS[path.name], vectors(path)
    assert_golden(reference.run(ganedit.load(path, device="cpu"), golden), golden[reference.output])


@pytest.mark.parametrize("path", everywhere("stargan-celeba-64-D.ckpt"), ids=path_id)
def test_golden_domains_of_stargan(path):
    golden = vectors(path)
    model = ganedit.load(path, device="cpu")
    assert_golden(model.classify(golden["input"]), golden["d_cls"])
    assert model.card.resolution == 64


@pytest.mark.parametrize("path", everywhere("unit_gen_00000001.pt"), ids=path_id)
def test_golden_code_of_unit(path):
    golden = vectors(path)
    model = ganedit.load(path, device="cpu")
    assert_golden(model.network.encode(golden["input_a"], "a"), golden["latent"])
    assert model(golden["output_b"], direction="ba").shape == golden["input_a"].shape


@pytest.mark.parametrize("file", TRANSLATORS)
def test_converted_weights_load_again(tmp_path, file):
    path, reference = reference_file(file), TRANSLATORS[file]
    golden = vectors(path)
    found = open_foreign(path)
    save_model(tmp_path / "model", card_of(found, "model", path), found.weights.state)
    again = ganedit.load(tmp_path / "model", device="cpu")
    assert_golden(reference.run(again, golden), golden[reference.output])


@pytest.mark.parametrize("file", PICTURES)
def test_bfloat16_stays_close(file):
    path, reference = reference_file(file), TRANSLATORS[file]
    golden = vectors(path)
    out = reference.run(ganedit.load(path, device="cpu", dtype="bfloat16"), golden)
    assert out.dtype == torch.float32
    assert (out - golden[reference.output]).abs().mean() < 0.02


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 3), (13, 30), (33, 31)])
@pytest.mark.parametrize("file", PICTURES)
def test_pictures_of_any_size(file, size):
    model = ganedit.load(reference_file(file), device="cpu")
    channels = 3 if model.card.task == "upscaler" else model.in_channels
    x = torch.zeros(2, channels, *size)
    out = model(x, torch.zeros(2, 5)) if getattr(model, "labels", 0) else model(x)
    assert out.shape[2:] == torch.Size(s * getattr(model, "scale", 1) for s in size)
    assert out.isfinite().all()


# ---- variants of CycleGAN's and pix2pix's files ----

RESNETS = {
    "instance": lambda: published.resnet(published.instance),
    "dropout": lambda: published.resnet(published.instance, dropout=True),
    "running": lambda: published.resnet(published.old_instance),
    "batch": lambda: published.resnet(published.batch, bias=False),
    "batch-bias": lambda: published.resnet(published.batch),  # pix2pixHD's code keeps biases
    "six-blocks": lambda: published.resnet(published.instance, blocks=6),
    "affine": lambda: published.resnet(lambda c: nn.InstanceNorm2d(c, affine=True)),
    "no-norm": lambda: published.resnet(lambda c: nn.Identity(), bias=False),
    "global": lambda: published.resnet(published.instance, downs=4),
}


@pytest.mark.parametrize("name", RESNETS)
def test_resnet_variants(name):
    torch.manual_seed(0)
    reference, x = RESNETS[name](), torch.randn(1, 3, 64, 32)
    found = cyclegan.read({f"module.{k}": v for k, v in reference.state_dict().items()})
    for module in reference.modules():
        if isinstance(module, nn.InstanceNorm2d):
            module.track_running_stats, module.running_mean, module.running_var = False, None, None
    assert_golden(network_of(found)(x), reference(x))
    assert found.weights.config["dropout"] == (name == "dropout")
    assert found.family == ("pix2pixHD" if name == "global" else "pytorch-CycleGAN-and-pix2pix")


def test_what_the_file_does_not_tell_is_in_the_notes():
    guessed = cyclegan.read(RESNETS["instance"]().state_dict())
    assert "normalisation" in guessed.notes
    assert not cyclegan.read(RESNETS["batch"]().state_dict()).notes
    assert not cyclegan.read(RESNETS["running"]().state_dict()).notes


@pytest.mark.parametrize(("downs", "norm"), [(7, "batch"), (7, "instance"), (8, "batch"), (9, "batch")])
def test_unet_variants(downs, norm):
    torch.manual_seed(0)
    reference = published.unet(getattr(published, norm), downs, bias=norm == "instance")
    x = torch.randn(1, 3, 2**downs, 2**downs)
    found = cyclegan.read({f"model.{k}": v for k, v in reference.state_dict().items()})
    assert_golden(network_of(found)(x), reference(x))
    assert (found.weights.config["downs"], found.weights.config["norm"]) == (downs, norm)


@pytest.mark.parametrize("layers", [0, 1, 3, 5])
@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_patchgan_variants(layers, norm):
    torch.manual_seed(0)
    reference = published.patchgan(getattr(published, norm), layers, bias=norm == "instance")
    x = torch.randn(1, 6, 160, 128)
    found = cyclegan.read(reference.state_dict())
    assert found.task == "discriminator"
    assert_golden(network_of(found)(x), reference(x))


def test_half_precision_files_load(tmp_path):
    torch.manual_seed(0)
    reference = published.resnet(published.instance)
    torch.save({k: v.half() for k, v in reference.state_dict().items()}, tmp_path / "latest_net_G.pth")
    out = ganedit.load(tmp_path / "latest_net_G.pth", device="cpu")(torch.zeros(1, 3, 32, 32))
    assert out.dtype == torch.float32


# ---- SPADE, its encoder, and discriminators at several scales ----


def test_spectral_weights_are_those_of_evaluation():
    torch.manual_seed(0)
    conv = nn.utils.spectral_norm(nn.Conv2d(4, 6, 3))
    conv(torch.randn(2, 4, 8, 8))  # a training step of the vectors
    conv.eval()
    x = torch.randn(1, 4, 8, 8)
    wanted = conv(x)  # computes conv.weight
    tensors = spade.Renaming({f"conv.{k}": v for k, v in conv.state_dict().items()})
    tensors.conv("conv", "new")
    got = nn.functional.conv2d(x, tensors.new["new.weight"], tensors.new["new.bias"])
    assert torch.allclose(got, wanted, atol=1e-6)


def test_spade_with_styles_and_most_upsampling():
    state = dict(torch.load(reference_file("spade-normal_latest_net_G.pth"), weights_only=True))
    width = len(state["fc.bias"])
    state["fc.weight"], state["fc.bias"] = torch.randn(width * 32, 16), torch.zeros(width * 32)
    found = spade.read(state)
    assert (found.weights.config["style_dim"], found.weights.config["grid"]) == (16, (4, 8))
    assert found.resolution == 256
    network = network_of(found)
    labels = one_hot(torch.zeros(1, 128, 256), 7)
    assert network(labels, torch.ones(1, 16)).shape == (1, 3, 128, 256)
    state["fc.weight"] = torch.randn(width * 7, 16)
    with pytest.raises(CheckpointError, match="proportions"):
        spade.read(state)


def test_spade_encoder():
    torch.manual_seed(0)
    state, channels = {}, [3, 2, 4, 8]
    for i in range(3):
        conv = nn.utils.spectral_norm(nn.Conv2d(channels[i], channels[i + 1], 3, bias=False))
        state |= {f"layer{i + 1}.0.{k}": v for k, v in conv.state_dict().items()}
    for head in ("fc_mu", "fc_var"):
        state |= {f"{head}.{k}": v for k, v in nn.Linear(8 * 16, 5).state_dict().items()}
    found = spade.read(state)
    assert (found.task, found.resolution) == ("encoder", 32)
    assert network_of(found)(torch.zeros(1, 3, 40, 40)).shape == (1, 5)


def multi_scale_state(conv: str, first: str, scales: int, spectral: bool) -> dict[str, torch.Tensor]:
    state, widths = {}, [6, 2, 4, 8, 16, 1]
    for i in range(scales):
        for j in range(5):
            edge = j in (0, 4)
            layer = nn.Conv2d(widths[j], widths[j + 1], 4, bias=edge or not spectral)
            layer = nn.utils.spectral_norm(layer) if spectral and not edge else layer
            name = (first if edge else conv).format(i, j)
            state |= {f"{name}.{k}": v for k, v in layer.state_dict().items()}
    return state


def test_multi_scale_discriminators():
    hd = multi_scale_state("scale{}_layer{}.0", "scale{}_layer{}.0", 3, spectral=False)
    gaugan = multi_scale_state("discriminator_{}.model{}.0.0", "discriminator_{}.model{}.0", 2, spectral=True)
    for found, scales in ((pix2pixhd.read(hd), 3), (spade.read(gaugan), 2)):
        assert found.task == "discriminator"
        assert (found.weights.config["scales"], found.weights.config["layers"]) == (scales, 3)
        assert len(network_of(found)(torch.zeros(1, 6, 64, 64))) == scales
    # The last number of pix2pixHD's sees the picture in full size.
    finest = pix2pixhd.read(hd).weights.state["discriminators.0.blocks.0.conv.weight"]
    assert torch.equal(finest, hd["scale2_layer0.0.weight"])


def test_a_discriminator_saved_with_the_names_of_earlier_versions():
    hd = multi_scale_state("scale{}_layer{}.0", "scale{}_layer{}.0", 2, spectral=False)
    weights = pix2pixhd.read(hd).weights
    old = {name.replace("discriminators.", "judges."): value for name, value in weights.state.items()}
    assert not old.keys() & weights.state.keys()
    pairs = torch.randn(1, 6, 64, 64)
    for a, b in zip(
        build(weights.architecture, weights.config, old)(pairs),
        build(weights.architecture, weights.config, weights.state)(pairs),
        strict=True,
    ):
        assert torch.equal(a, b)


# ---- what is refused ----


@pytest.mark.parametrize("file", TRANSLATORS)
def test_a_missing_and_a_surplus_tensor_are_named(file, tmp_path):
    state = torch.load(reference_file(file), weights_only=True)
    inner = state.get("a", state)
    inner["surplus.weight"] = torch.zeros(2)
    torch.save(state, tmp_path / "more.pth")
    with pytest.raises(CheckpointError, match="surplus"):
        ganedit.load(tmp_path / "more.pth")
    del inner["surplus.weight"], inner[list(inner)[-1]]
    torch.save(state, tmp_path / "less.pth")
    with pytest.raises(CheckpointError):
        ganedit.load(tmp_path / "less.pth")


def test_whole_numbers_are_no_weights():
    state = published.resnet(published.instance).state_dict()
    state["model.4.weight"] = state["model.4.weight"].to(torch.int64)
    with pytest.raises(CheckpointError, match="int64"):
        network_of(cyclegan.read(state))


def test_munit_is_named():
    state = {"enc_style.model.0.conv.weight": torch.zeros(2, 3, 7, 7)}
    with pytest.raises(CheckpointError, match="MUNIT"):
        unit.read({"a": state, "b": state})


def test_other_content_is_of_another_family():
    for content in (None, [], {}, {"g_ema": {}}, {"a": {}, "b": {}}, {"model.1.weight": torch.zeros(3)}):
        for reader in (cyclegan, pix2pixhd, spade, stargan, unit, srgan):
            assert reader.read(content) is None


def test_arguments_that_do_not_suit_a_model():
    resnet = ganedit.load(reference_file("cyclegan-resnet9_latest_net_G_A.pth"), device="cpu")
    for call in (
        lambda: resnet(torch.zeros(1, 4, 32, 32)),
        lambda: resnet(torch.zeros(1, 3, 0, 32)),
        lambda: resnet(torch.zeros(1, 3, 32, 32), style=torch.zeros(1, 8)),
        lambda: resnet(torch.zeros(1, 3, 32, 32), label=torch.zeros(1, 5)),
        lambda: resnet(torch.zeros(1, 3, 32, 32), direction="ba"),
    ):
        with pytest.raises(InputError):
            call()
    judge = ganedit.load(reference_file("pix2pix-unet256_latest_net_D.pth"), device="cpu")
    with pytest.raises(CheckpointError, match="nothing else"):
        judge.classify(torch.zeros(1, 6, 64, 64))


def test_the_card_can_say_more_upsampling(tmp_path):
    path = reference_file("spade-normal_latest_net_G.pth")
    found = open_foreign(path)
    assert "more" in found.notes
    card = card_of(found, "spade", path)
    save_model(
        tmp_path / "m", replace(card, config={**card.config, "upsampling": "more"}), found.weights.state
    )
    assert ganedit.load(tmp_path / "m", device="cpu").multiple == 64
