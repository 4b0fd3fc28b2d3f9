"""`ganedit metrics fid`, `kid`, `is`, `prdc`, `ppl`, `ms-ssim` and `lpips` on tiny models and folders."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
import torch
from recipes import draw_pictures

from ganedit.nets.stylegan2 import Generator, GeneratorConfig
from ganedit.store.cards import ModelCard
from ganedit.store.load import load_generator, save_model

FEW = ("--samples", 8, "--features", "efficientnet-lite0", "--json")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Folder of a generator of two classes and 16 pixels that has learned nothing."""
    torch.manual_seed(0)
    network = Generator(GeneratorConfig(16, (4, 4, 4), 4, 4, 2, 1))
    details = {"classes": ["cat", "dog"]}
    card = ModelCard("tiny", "generator", "stylegan2", network.cfg.to_dict(), resolution=16, details=details)
    folder = tmp_path_factory.mktemp("model")
    save_model(folder, card, network.state_dict())
    return folder


@pytest.fixture
def sets(tmp_path):
    """Folders `a` and `b` of pictures of 40x36, and `large` of other sizes."""
    for i, name in enumerate("ab"):
        draw_pictures(tmp_path / name, 8, seed=i)
    draw_pictures(tmp_path / "large", 8, (64, 64))
    return tmp_path


def test_two_folders_in_one_pass(ganedit, sets):
    ran = ganedit("metrics", "fid", "a", "b", *FEW[2:], "--also", "kid, prdc,is", "--neighbours", 2)
    assert ran.status == 0, ran.err
    (found,) = ran.json
    names = ["frechet", "kernel", "precision", "recall", "density", "coverage", "class_score"]
    assert [one["name"] for one in found["measures"]] == names
    assert found["measures"][0]["value"] > 1
    assert found["features"] == "efficientnet-lite0"
    assert found["measured"] == {"source": "a", "images": 8, "size": [40, 36]}
    assert found["compared_with"]["source"] == "b"
    ran = ganedit("metrics", "fid", "a", "a", "--features", "efficientnet-lite0")
    assert "Fréchet distance of efficientnet-lite0 features: 0" in ran.out or "e-" in ran.lines[0]
    assert "FID" not in ran.out


def test_a_generator_against_a_zip(ganedit, sets, tiny):
    with zipfile.ZipFile("b.zip", "w") as archive:
        for path in sorted((sets / "large").iterdir()):
            archive.write(path, path.name)
    ran = ganedit("metrics", "fid", "--model", tiny, "--data", "b.zip", *FEW, "--seed", 3, "--psi", 0.5)
    assert ran.status == 0, ran.err
    (found,) = ran.json
    about = found["measured"]
    assert (about["model"], about["images"], about["psi"], about["seed"]) == ("tiny", 8, 0.5, 3)
    assert found["compared_with"]["size"] == [16, 16]
    again = ganedit("metrics", "fid", "b.zip", "--model", tiny, *FEW, "--seed", 3, "--psi", 0.5)
    assert again.json == ran.json
    other = ganedit("metrics", "fid", "b.zip", "--model", tiny, *FEW, "--psi", 0.5)
    assert other.json[0]["measures"] != found["measures"]
    assert ganedit("metrics", "kid", "b.zip", "--model", tiny, *FEW).json[0]["measures"][0]["spread"] >= 0
    assert len(ganedit("metrics", "prdc", "b.zip", "--model", tiny, *FEW).json[0]["measures"]) == 4


def test_samples_are_those_of_generate(ganedit, tiny):
    """Classes take turns, and the samples are rounded to 8 bits."""
    from ganedit.metrics.image_sets import DrawnImages

    model = load_generator(tiny, "cpu")
    drawn = DrawnImages(model, 4, psi=0.7, seed=1)
    assert drawn.groups == {"cat": [1, 3], "dog": [0, 2]}
    image = model.generate([2], c=model.one_hot([0]), psi=0.7)[0].clamp(-1, 1).permute(1, 2, 0)
    np.testing.assert_allclose(drawn[1:2][0], (image.numpy() + 1) * 127.5, atol=0.51)


def test_the_class_score_needs_no_other_images(ganedit, sets, tiny):
    assert ganedit("metrics", "is", "a", *FEW[2:]).json[0]["measures"][0]["value"] >= 1
    ran = ganedit("metrics", "is", "--model", tiny, *FEW)
    assert ran.json[0]["measures"][0]["name"] == "class_score"


def test_variety(ganedit, sets, tiny):
    (found,) = ganedit("metrics", "ms-ssim", "--model", tiny, "--samples", 8, "--pairs", 3, "--json").json
    assert set(found["groups"]) == {"cat", "dog"}
    assert (found["pairs"], found["scales"]) == (6, 1)
    ran = ganedit("metrics", "ms-ssim", ".", "--pairs", 3, "--resolution", 32)
    assert "3 of 5" not in ran.out
    assert "2 of 5 scales" in ran.out
    assert "large" in ran.out
    (found,) = ganedit("metrics", "lpips", "a", *FEW[2:], "--pairs", 3).json
    assert found["distance"] > 0.01
    (found,) = ganedit("metrics", "lpips", "--model", tiny, *FEW, "--pairs", 3).json
    assert (found["pairs"], found["title"]) == (6, "distance of efficientnet-lite0 features")


def test_pairs_of_two_folders(ganedit, sets):
    (same,) = ganedit("metrics", "lpips", "a", "a", *FEW[2:]).json
    (other,) = ganedit("metrics", "lpips", "a", "b", *FEW[2:]).json
    assert same["distance"] == pytest.approx(0, abs=1e-6)
    assert other["distance"] > 0.01
    assert other["pairs"] == 8
    (sets / "b" / "7.png").rename(sets / "b" / "8.png")
    ran = ganedit("metrics", "lpips", "a", "b", *FEW[2:])
    assert ran.status == 3
    assert "no partner" in ran.err


def test_path_length(ganedit, tiny):
    for more in ((), ("--space", "z", "--sampling", "full")):
        ran = ganedit("metrics", "ppl", "--model", tiny, *FEW, *more)
        assert ran.status == 0, ran.err
        assert ran.json[0]["path_length"] > 0
    assert (
        "by the distance of efficientnet-lite0 features"
        in ganedit("metrics", "ppl", "--model", tiny, "--samples", 2, "--features", "efficientnet-lite0").out
    )


def test_damaged_files_are_named(ganedit, sets):
    (sets / "a" / "3.png").write_bytes(b"\x89PNG of nothing")
    ran = ganedit("metrics", "fid", "a", "b", *FEW[2:])
    assert ran.status == 0
    assert "3.png: not an image" in ran.err
    assert json.loads(ran.out)["measured"]["images"] == 7


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ("fid a", 2, "two sets of images must be named, not 1"),
        ("fid a b large", 2, "not 3"),
        ("is a b", 2, "one set of images must be named, not 2"),
        ("fid a large", 3, "cannot be compared: 40x36 and 64x64"),
        ("fid . a", 3, "holds images of different sizes: a/0.png has 40x36, large/0.png 64x64"),
        ("fid one b", 3, "one holds only one image"),
        ("fid nothing b", 3, "nothing does not exist"),
        ("fid empty b", 3, "empty holds no images"),
        ("fid a b --features vgg", 2, "no features 'vgg'"),
        ("fid a b --features inception", 5, "ganedit models pull inception"),
        ("fid a b --features inception --weights no.pth", 3, "no.pth"),
        ("fid a b --features dlib", 2, "--template"),
        ("fid a b --features classifier", 2, "names no classifier"),
        ("fid a b --also kidd", 2, "did you mean kid"),
        ("is a --features dlib --template ffhq", 2, "have no classes"),
        ("fid a b --limit 1", 2, "--limit 1 must be 0 or at least 2"),
        ("prdc a b --neighbours -1", 2, "--neighbours -1 must be at least 0"),
        ("prdc a b --neighbours 8", 3, "8 images are too few for 8 neighbours"),
        ("fid a --model TINY --samples 1", 2, "--samples 1 must be at least 2"),
        ("fid a --model TINY --resolution 8", 2, "--resolution is that of the model"),
        ("ms-ssim a b", 2, "one set of images"),
        ("ms-ssim a --resolution 8", 3, "too small for MS-SSIM"),
        ("lpips a --features inception", 2, "measures no distance"),
        ("lpips a large --features efficientnet-lite0", 3, "pairs need two sets alike"),
        ("ppl --model TINY --samples 1", 2, "--samples 1"),
    ],
)
def test_what_it_cannot_measure(ganedit, sets, tiny, tmp_path, monkeypatch, words, status, said):
    monkeypatch.setenv("GANEDIT_HOME", str(tmp_path / "home"))
    (tmp_path / "empty").mkdir()
    draw_pictures(tmp_path / "one", 1)
    ran = ganedit("metrics", *words.replace("TINY", str(tiny)).split())
    assert ran.status == status, ran.err
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""
