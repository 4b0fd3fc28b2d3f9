"""`ganedit generate` with generators of other families: classes by name, no style codes, moved pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganedit.cli.kit.generate_options import parse_move
from ganedit.errors import UsageError
from ganedit.latent.generating import Move
from ganedit.nets.stylegan2 import Generator, GeneratorConfig
from ganedit.store.cards import ModelCard
from ganedit.store.load import load, save_model

GOLDEN = Path(__file__).parents[1] / "golden"
STYLEGAN3 = GOLDEN / "sg3t-32.pkl"
PROGAN = GOLDEN / "genforce-pggan.pth"


@pytest.fixture
def animals(tiny_faces: Path) -> str:
    """A model whose three classes have names, two of them the same."""
    cfg = GeneratorConfig(8, (4, 4), z_dim=4, w_dim=4, num_classes=4, mapping_layers=1)
    torch.manual_seed(0)
    card = ModelCard(
        "animals", "generator", "stylegan2", cfg.to_dict(), 8,
        details={"classes": ["tabby cat", "crane", "Golden Retriever", "crane"]},
    )  # fmt: skip
    save_model(tiny_faces / "animals", card, Generator(cfg).state_dict())
    return "animals"


def test_a_class_by_name_is_the_class_by_number(ganedit, animals, tmp_path):
    argv = "generate", "--model", animals, "--seeds", "0"
    assert ganedit(*argv, "--class", "golden retriever", "-o", "name").status == 0
    assert ganedit(*argv, "--class", "2", "-o", "number").status == 0
    assert ganedit(*argv, "--class", "0", "-o", "other").status == 0
    name, number, other = (
        np.asarray(Image.open(tmp_path / d / "seed0000.png")) for d in ("name", "number", "other")
    )
    assert (name == number).all()
    assert (name != other).any()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("taby cat", "did you mean tabby cat"),
        ("crane", "1 or 3"),
        ("4", "0 to 3"),
        ("-1", "0 to 3"),
        ("", "no class"),
    ],
)
def test_a_class_that_is_not_there(ganedit, animals, given, said):
    ran = ganedit("generate", "--model", animals, "--seeds", "0", f"--class={given}")
    assert ran.status == 3
    assert said in ran.err


def test_a_class_is_asked_for_by_number_or_name(ganedit, animals):
    assert "or by name" in ganedit("generate", "--model", animals, "--seeds", "0").err


def test_without_a_style_space_there_are_pictures_only(ganedit, tmp_path):
    argv = "generate", "--model", PROGAN, "--seeds", "0-1", "--device", "cpu"
    ran = ganedit(*argv, "--grid", "2x1", "--json")
    assert ran.status == 0, ran.err
    assert [line.get("latent") for line in ran.json] == [None, None, None]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["grid.png", "seed0000.png", "seed0001.png"]
    assert ganedit(*argv, "--skip-existing").lines == ["seed0000.png", "seed0001.png"]
    refused = ganedit(*argv, "--cutoff", "2", "-o", "other")
    assert (refused.status, "--cutoff" in refused.err) == (2, True)


@pytest.mark.parametrize(
    "argv",
    [
        ("project", "photo.png", "--aligned", "--method", "optimize"),
        ("project", "photo.png", "--aligned", "--method", "encode"),
        ("edit", "photo.png", "--direction", "{home}/faces/directions/smile.safetensors", "--magnitude", "1"),
        ("direction", "learn", "smile", "--samples", "100"),
        ("direction", "learn", "smile", "--scores", "scores.csv"),
    ],
)
def test_without_a_style_space_other_commands_say_so(ganedit, tiny_faces, tmp_path, argv):
    Image.new("RGB", (32, 32)).save(tmp_path / "photo.png")
    (tmp_path / "scores.csv").write_text("file,score\nphoto.png,0.5\nphoto.png,0.7\n")
    ran = ganedit(*(a.format(home=tiny_faces) for a in argv), "--model", PROGAN)
    assert "no style space" in ran.err
    assert ran.status == 4


def test_stylegan3_moves_what_it_draws(ganedit, tmp_path):
    argv = "generate", "--model", STYLEGAN3, "--seeds", "3", "--device", "cpu"
    assert ganedit(*argv, "-o", "still").status == 0
    assert ganedit(*argv, "--translate", "0.25,0", "-o", "moved").status == 0
    ran = ganedit(*argv, "--rotate", "30", "--translate", "0.1,-0.05", "-o", "both")
    assert ran.status == 0, ran.err
    still, moved, both = (np.asarray(Image.open(tmp_path / d / "seed0003.png"), float)
                          for d in ("still", "moved", "both"))  # fmt: skip
    right = np.abs(moved[8:24, 16:24] - still[8:24, 8:16]).mean()
    assert right < 0.5 * np.abs(moved[8:24, 16:24] - still[8:24, 16:24]).mean()
    model = load(STYLEGAN3, "cpu")
    wanted = model.synthesis(model.mapping(model.z_of([3]), psi=0.7), transform=Move(30, 0.1, -0.05).matrix())
    drawn = torch.from_numpy(both).permute(2, 0, 1) / 127.5 - 1
    assert (drawn - wanted[0].clamp(-1, 1)).abs().max() < 1.1 / 127.5
    (about,) = ganedit("info", "both/seed0003.png", "--json").json
    assert about["parameters"]["rotate"] == 30
    assert json.dumps(about["parameters"]["translate"]) == "[0.1, -0.05]"


def test_a_quarter_turn_is_anticlockwise():
    """The point right of the centre goes to the top, where y is negative."""
    torch.testing.assert_close(
        Move(90, 0, 0).matrix() @ torch.tensor([1.0, 0, 1]), torch.tensor([0.0, -1, 1])
    )


def test_other_models_do_not_move(ganedit, tiny_faces):
    ran = ganedit("generate", "--seeds", "0", "--rotate", "30")
    assert ran.status == 2
    assert "StyleGAN3" in ran.err


def test_moves_are_read():
    assert parse_move(0.0, None) is None
    assert parse_move(30.0, "0.1,-0.05") == Move(30.0, 0.1, -0.05)
    for degrees, shift in ((float("nan"), None), (0.0, "1"), (0.0, "1,2,3"), (0.0, "a,b"), (0.0, "inf,0")):
        with pytest.raises(UsageError):
            parse_move(degrees, shift)


def test_truncation_by_layers_and_towards_clusters(ganedit, tiny_faces, tmp_path):
    from ganedit.images.io import read_provenance

    draw = ("generate", "--device", "cpu", "--seeds", 1)
    assert ganedit(*draw, "--psi", "coarse=0,middle=1", "-o", "layers").status == 0
    assert read_provenance("layers/seed0001.png")["parameters"]["psi"] == {"coarse": 0.0, "middle": 1.0}
    assert ganedit(*draw, "--psi", "0.5", "--clusters", 2, "-o", "clusters").status == 0
    assert read_provenance("clusters/seed0001.png")["parameters"]["clusters"] == 2
    for options in (("--psi", "rough=1"), ("--psi", "90=1"), ("--clusters", 0)):
        assert ganedit(*draw, *options, "-o", "x").status == 2


def test_a_psi_beyond_reason_is_told(ganedit, tiny_faces):
    ran = ganedit("generate", "--seeds", 1, "--psi", 7)
    assert ran.status == 0
    assert "--psi 7 goes far beyond what the generator knows" in ran.err
    assert ganedit("generate", "--seeds", 2, "--psi", 1).err == ""
