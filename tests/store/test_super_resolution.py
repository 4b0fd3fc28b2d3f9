"""ESRGAN under its three sets of names, and everything else by way of spandrel."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from reference import assert_golden

import ganedit
from ganedit.errors import CheckpointError, InputError, MissingError
from ganedit.nets.rrdb import RRDBConfig, RRDBNet
from ganedit.nets.srresnet import SRResNet, SRResNetConfig
from ganedit.nets.srvgg import SRVGGConfig, SRVGGNet
from ganedit.store.architectures import build, shapes_only
from ganedit.store.cards import ModelCard
from ganedit.store.foreign import open_foreign
from ganedit.store.formats import esrgan, srgan, super_resolution
from ganedit.store.load import card_of, from_foreign, save_model
from ganedit.store.models import Restorer, Upscaler
from ganedit.store.spandrel_network import EXTRA_KINDS, FaceNetwork

pytest.importorskip("spandrel")
ROOT = Path(__file__).parents[2]


def spandrel_network(name: str, seed: int = 0, **sizes: object) -> torch.nn.Module:
    import importlib

    torch.manual_seed(seed)
    module = importlib.import_module(f"spandrel.architectures.{name}")
    network = getattr(module, module.__all__[-1] if name == "Compact" else name)(**sizes)
    return network.eval()


def network_of(found):
    return build(found.weights.architecture, found.weights.config, found.weights.state)


@pytest.mark.parametrize(
    ("scale", "in_nc", "shuffle"), [(4, 3, None), (2, 3, None), (1, 3, None), (4, 12, 2)]
)
def test_old_esrgan_names(scale, in_nc, shuffle):
    reference = spandrel_network(
        "ESRGAN", in_nc=in_nc, num_filters=8, num_blocks=2, scale=scale, shuffle_factor=shuffle
    )
    found = esrgan.read(reference.state_dict())
    x = torch.rand(1, 3, 12, 16)
    network = network_of(found)
    assert network.scale == scale // (shuffle or 1)
    assert_golden(network(x), reference(x))


def test_real_esrgan_names_and_averaged_weights():
    network = network_of(esrgan.read(spandrel_network("ESRGAN", num_filters=8, num_blocks=1).state_dict()))
    new = {}
    for name, tensor in network.state_dict().items():
        layer, _, kind = name.rpartition(".")
        parts = layer.split(".")
        if parts[0] == "blocks":
            layer = f"body.{parts[1]}.rdb{int(parts[3]) + 1}.conv{int(parts[5]) + 1}"
        elif parts[0] == "up":
            layer = f"conv_up{int(parts[1]) + 1}"
        else:
            layer = {"stem": "conv_first", "tail": "conv_body", "fine": "conv_hr", "to_image": "conv_last"}[
                layer
            ]
        new[f"{layer}.{kind}"] = tensor
    worse = {k: torch.zeros_like(v) for k, v in new.items()}
    again = network_of(esrgan.read({"params": worse, "params_ema": new}))
    x = torch.rand(1, 3, 8, 8)
    assert torch.equal(again(x), network(x))


OTHERS = {
    "Compact": {"num_feat": 8, "num_conv": 3, "upscale": 4},
    "SwinIR": {
        "img_size": 16, "window_size": 8, "embed_dim": 12, "depths": [2], "num_heads": [2], "mlp_ratio": 2,
        "upscale": 2, "upsampler": "pixelshuffledirect",
    },
    "SPAN": {"num_in_ch": 3, "num_out_ch": 3, "feature_channels": 8, "upscale": 2},
    "SCUNet": {"dim": 64, "config": [1, 1, 1, 1, 1, 1, 1]},
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_networks_of_spandrel(tmp_path, name):
    reference = spandrel_network(name, **OTHERS[name])
    path = tmp_path / "model.pth"
    torch.save({"params_ema": reference.state_dict()}, path)
    x = torch.rand(2, 3, 64, 64)
    model = ganedit.load(path, device="cpu")
    assert model.scale == OTHERS[name].get("upscale", 1)
    assert_golden(model(x), torch.cat([reference(x[:1]), reference(x[1:])]))
    assert model(torch.rand(1, 3, 9, 5)).shape == (1, 3, 9 * model.scale, 5 * model.scale)

    found = open_foreign(path)
    save_model(tmp_path / "model", card_of(found, "model", path), found.weights.state)
    assert torch.equal(ganedit.load(tmp_path / "model", device="cpu")(x), model(x))


def test_bfloat16_of_spandrel(tmp_path):
    torch.save(spandrel_network("Compact", **OTHERS["Compact"]).state_dict(), tmp_path / "m.pth")
    x = torch.rand(1, 3, 16, 16)
    wanted = ganedit.load(tmp_path / "m.pth", device="cpu")(x)
    got = ganedit.load(tmp_path / "m.pth", device="cpu", dtype="bfloat16")(x)
    assert got.dtype == torch.float32
    assert (got - wanted).abs().max() < 0.05


def test_loading_draws_no_random_numbers(tmp_path):
    torch.save(spandrel_network("Compact", **OTHERS["Compact"]).state_dict(), tmp_path / "m.pth")
    torch.manual_seed(5)
    wanted = torch.rand(1)
    torch.manual_seed(5)
    ganedit.load(tmp_path / "m.pth", device="cpu")
    assert torch.equal(torch.rand(1), wanted)


def test_srgan_discriminator():
    torch.manual_seed(0)
    w, layers = 2, [torch.nn.Conv2d(3, 2, 3, padding=1), torch.nn.LeakyReLU(0.2)]
    widths = [w, w, 2 * w, 2 * w, 4 * w, 4 * w, 8 * w, 8 * w]
    for i in range(1, 8):
        conv = torch.nn.Conv2d(widths[i - 1], widths[i], 3, stride=1 + i % 2, padding=1)
        layers += [conv, torch.nn.BatchNorm2d(widths[i]), torch.nn.LeakyReLU(0.2)]
    layers += [torch.nn.AdaptiveAvgPool2d(1), torch.nn.Conv2d(8 * w, 6, 1), torch.nn.LeakyReLU(0.2)]
    reference = torch.nn.Sequential(*layers, torch.nn.Conv2d(6, 1, 1)).eval()
    found = srgan.read({f"net.{k}": v for k, v in reference.state_dict().items()})
    x = torch.rand(2, 3, 40, 40)
    assert_golden(network_of(found)(x), reference(x).flatten(1))


# ---- what is refused, quickly and in little memory ----


def thin(name: str, **sizes: object) -> dict[str, torch.Tensor]:
    """Tensors of the names and shapes of a published network, which need no memory."""
    with shapes_only():
        state = spandrel_network(name, **sizes).state_dict()
    return {key: torch.zeros((), dtype=value.dtype).expand(value.shape) for key, value in state.items()}


def test_published_networks_for_faces_are_restorers():
    for name in ("GFPGAN", "RestoreFormer"):
        found = super_resolution.read({"params_ema": thin(name)})
        assert (found.family, found.task, found.template, found.resolution) == (name, "restorer", "ffhq", 512)
        assert found.value_range == (0.0, 1.0)


def test_published_networks_for_holes_are_for_inpaint():
    """Under the names of the authors' training, of spandrel, and of other programs."""
    state = thin("LaMa", in_nc=4, out_nc=3)
    bare = {name.removeprefix("model."): tensor for name, tensor in state.items()}
    training = {f"generator.{name}": tensor for name, tensor in bare.items()}
    training["discriminator.model0.0.weight"] = torch.zeros(64, 3, 4, 4)
    for content in (state, bare, {"state_dict": training, "epoch": 3}):
        found = super_resolution.read(content)
        assert (found.family, found.task, found.details["use"]) == ("LaMa", "translator", "inpaint")
        assert found.weights.state.keys() == state.keys()


@pytest.mark.skipif(find_spec("spandrel_extra_arches") is not None, reason="the package is installed")
def test_networks_of_another_package_are_named():
    for kind, names in EXTRA_KINDS.items():
        state = {f"model.{name}" if kind == "MAT" else name: torch.zeros(4, 4) for name in names}
        with pytest.raises(MissingError, match=f"{kind} .*non-commercial") as raised:
            super_resolution.read({**state, "other.weight": torch.zeros(4, 4)})
        assert raised.value.hint.endswith("pip install spandrel_extra_arches")


def test_faces_are_restored_as_by_the_networks_own_code(tmp_path):
    """It takes [-1, 1]; spandrel passes [0, 1] to some, but not to this one."""
    sizes = {"ch": 32, "ch_mult": (1, 1, 1, 1, 1, 2), "num_res_blocks": 1, "n_embed": 16}
    reference = spandrel_network("RestoreFormer", **sizes, embed_dim=32, z_channels=32)
    path = tmp_path / "restore.pth"
    torch.save({"params": reference.state_dict()}, path)
    found = open_foreign(path)
    x = torch.rand(2, 3, 64, 64)
    assert_golden(
        network_of(found)(x), torch.cat([reference(one * 2 - 1)[0] for one in x.split(1)]) / 2 + 0.5
    )
    save_model(tmp_path / "model", card_of(found, "model", path), found.weights.state)
    model = ganedit.load(tmp_path / "model", device="cpu")
    assert isinstance(model, Restorer)
    assert (model.card.template, model.has_fidelity) == ("ffhq", False)
    with pytest.raises(InputError, match="takes faces"):
        model(x)


class Told(torch.nn.Module):
    """Keeps its options, and gives back what it gets."""

    def forward(self, x, **options):
        self.seen, self.options = x, options
        return x, None


@pytest.mark.parametrize(("kind", "has"), [("CodeFormer", True), ("GFPGAN", False)])
def test_what_face_networks_are_told(kind, has):
    """GFPGAN draws the noise of its file, not another one each time."""
    network = FaceNetwork(
        SimpleNamespace(
            model=Told(), scale=1, _call_fn=None, size_requirements=None, supports_bfloat16=True,
            supports_half=False, architecture=SimpleNamespace(name=kind),
        )
    )  # fmt: skip
    x = torch.rand(1, 3, 8, 8).to(memory_format=torch.channels_last)
    assert torch.allclose(network(x, 0.7), x, atol=1e-6)
    assert network.model.seen.min() < -0.5
    assert network.model.options == {"weight": 0.7, "return_rgb": False, "randomize_noise": False}
    assert network.has_fidelity == has


def test_holes_are_filled_as_by_the_networks_own_code():
    reference = spandrel_network("LaMa", in_nc=4, out_nc=3)
    found = super_resolution.read(reference.state_dict())
    model = from_foreign(found, Path(__file__), torch.device("cpu"), torch.bfloat16)
    assert model.dtype == torch.float32  # it has Fourier transforms
    x, hole = torch.rand(1, 3, 24, 32), torch.zeros(1, 1, 24, 32)
    hole[..., 8:14, 9:20] = 1
    holed = torch.cat([torch.where(hole > 0, 0.5, x) * 2 - 1, hole], dim=1)
    assert_golden(model(holed), reference(x, hole) * 2 - 1)
    assert model(holed[..., :21, :29]).shape == (1, 3, 21, 29)


def test_networks_for_grey_pictures_are_named():
    with pytest.raises(CheckpointError, match="1 channels"):
        super_resolution.read(spandrel_network("DnCNN").state_dict())


def test_damaged_networks_of_spandrel():
    state = spandrel_network("Compact", **OTHERS["Compact"]).state_dict()
    for change in (
        {"body.2.weight": torch.zeros(9, 8, 3, 3)},
        {"body.2.weight": torch.zeros(8)},
        {"body.0.weight": torch.zeros(0, 3, 3, 3)},
        {"body.0.weight": torch.zeros(())},
        {"surplus": torch.zeros(3, 3)},
    ):
        with pytest.raises(CheckpointError):
            super_resolution.read({**state, **change})


HOSTILE = """
import resource, sys, time, torch
from ganedit.errors import CheckpointError
from ganedit.store.formats import esrgan, super_resolution
import spandrel
wide = {"conv_first.weight": torch.zeros(60_000, 3, 3, 3),
        "RRDB_trunk.0.RDB1.conv1.weight": torch.zeros(32, 4, 3, 3),
        "trunk_conv.weight": torch.zeros(1, 1), "conv_last.weight": torch.zeros(3, 2, 3, 3)}
compact = {"body.0.weight": torch.zeros(60_000, 3, 3, 3), "body.1.weight": torch.zeros(60_000),
           "body.2.weight": torch.zeros(48, 8, 3, 3)}
deep = {**compact, **{f"body.{i}.weight": torch.zeros(2, 2) for i in range(3, 9_999)}}
sub = {"model.0.weight": torch.zeros(60_000, 3, 3, 3), "model.1.sub.0.RDB1.conv1x1.weight": torch.zeros(2, 2),
       "model.1.sub.9999.RDB1.conv1.0.weight": torch.zeros(2, 2),
       "model.1.sub.0.RDB1.conv1.0.weight": torch.zeros(2, 2)}
started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for state in (wide, compact, deep, sub):
    for reader in (esrgan, super_resolution):
        start = time.process_time()
        try:
            assert reader.read(state) is None
        except (CheckpointError, LookupError, ValueError, RuntimeError) as error:
            print(type(error).__name__, str(error)[:100])
        assert time.process_time() - start < 10
assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - started < 500_000
"""


def test_absurd_sizes_are_refused_quickly():
    """60,000 channels would need 130 GB for one convolution."""
    run = subprocess.run(
        [sys.executable, "-c", HOSTILE], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_spandrel_waits_until_a_file_may_need_it():
    code = "import sys, ganedit; [*map(ganedit.load, sys.argv[1:])]; sys.exit('spandrel' in sys.modules)"
    paths = [ROOT / "tests/golden" / file for file in ("esrgan-rrdb-x4.pth", "stargan-celeba-64-G.ckpt")]
    run = subprocess.run([sys.executable, "-c", code, *paths], cwd=ROOT, check=False)
    assert run.returncode == 0


def test_large_upscalers_take_bfloat16_where_it_is_in_hardware(tmp_path, monkeypatch):
    config = {"width": 8, "growth": 4, "blocks": 1}
    network = RRDBNet(RRDBConfig(**config))
    save_model(tmp_path, ModelCard("rrdb", "upscaler", "rrdb", config), network.state_dict())
    assert ganedit.load(tmp_path).dtype == torch.float32
    monkeypatch.setattr("ganedit.store.load.has_bfloat16", lambda device: True)
    fast = ganedit.load(tmp_path, device="cpu")
    assert fast.dtype == torch.bfloat16
    assert ganedit.load(tmp_path, dtype="float32").dtype == torch.float32
    x = torch.rand(1, 3, 12, 12)
    torch.testing.assert_close(fast(x), ganedit.load(tmp_path, dtype="float32")(x), atol=0.02, rtol=0)


def test_upscale_x4_in_bfloat16_is_close(monkeypatch):
    monkeypatch.setattr("ganedit.store.load.has_bfloat16", lambda device: True)
    fast = ganedit.load("upscale-x4", device="cpu")
    assert fast.dtype == torch.bfloat16
    photo = ganedit.read_image(ROOT / "examples/portrait.png").pixels[200:264, 200:264]
    x = torch.from_numpy(photo).permute(2, 0, 1)[None] / 255
    error = (fast(x) - ganedit.load("upscale-x4", "cpu", "float32")(x)).abs() * 255
    assert error.mean() < 0.2  # in levels; rounding the picture to bfloat16 would alone exceed it
    assert 20 * torch.log10(255 / error.square().mean().sqrt()) > 60  # dB


@pytest.mark.parametrize("kind", ["srresnet", "srvgg"])
def test_pictures_are_not_rounded_to_bfloat16(kind):
    """Without a change from the network, the result is the float32 enlargement of the float32 picture."""
    if kind == "srresnet":
        network = SRResNet(SRResNetConfig(width=8, blocks=1, norm="none", residual=True))
        network.to_image.weight.data.zero_()
        network.to_image.bias.data.zero_()
        enlarge = partial(F.interpolate, scale_factor=4, mode="bicubic")
    else:
        network = SRVGGNet(SRVGGConfig(width=8, layers=1))
        network.last.weight.data.zero_()
        network.last.bias.data.zero_()
        enlarge = partial(F.interpolate, scale_factor=4)
    x = torch.rand(1, 3, 12, 12)
    with torch.inference_mode():
        found = Upscaler(ModelCard("x", "upscaler", kind, {}), network, "cpu", torch.bfloat16)(x)
    torch.testing.assert_close(found, enlarge(x), rtol=0, atol=1e-6)  # other layouts sum in another order
