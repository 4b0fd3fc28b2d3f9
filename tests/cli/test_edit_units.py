"""`ganedit edit --ablate` and `--activate` with tiny models."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from ganedit.cli.kit.codes import latent_behind
from ganedit.images.io import read_image, read_provenance, write_image
from ganedit.images.tensors import from_tensor
from ganedit.latent.editing import eased
from ganedit.latent.latent import Latent
from ganedit.latent.units.switching import UnitChange, UnitEdit
from ganedit.store.load import load_generator

EDIT = ("edit", "--device", "cpu")


@pytest.fixture
def sample(tiny_faces, tmp_path):
    """a.latent.safetensors, of a sample."""
    generator = load_generator("faces", "cpu")
    ws = generator.mapping(generator.z_of([1]))[0].detach()
    Latent(ws, "faces", generator.sha256, "w").save(tmp_path / "a.latent.safetensors")
    return ws


@torch.no_grad()
def drawn(ws, *changes):
    generator = load_generator("faces", "cpu")
    with UnitEdit(generator, changes).applied(generator):
        return from_tensor(generator.synthesis(ws[None]))


def pixels(path):
    return np.asarray(Image.open(path))


def test_units_are_switched_off_without_a_direction(ganedit, sample, tmp_path):
    ran = ganedit(*EDIT, "a.latent.safetensors", "--ablate", "layer2:1,3", "--ablate", "layer4:0-2", "--json")
    assert ran.status == 0, ran.err
    (told,) = ran.json
    assert told["path"] == "a.off-layer2_1,3.off-layer4_0,1,2.png"
    assert told["latents"] == []
    units = [
        {"change": "ablate", "layer": 2, "units": [1, 3]},
        {"change": "ablate", "layer": 4, "units": [0, 1, 2]},
    ]
    assert told["units"] == units
    wanted = drawn(sample, UnitChange(2, (1, 3)), UnitChange(4, (0, 1, 2)))
    assert (pixels("a.off-layer2_1,3.off-layer4_0,1,2.png") == wanted).all()
    assert (wanted != drawn(sample)).any()
    assert read_provenance("a.off-layer2_1,3.off-layer4_0,1,2.png")["parameters"]["units"] == units
    assert not (tmp_path / "a.off-layer2_1,3.off-layer4_0,1,2.latent.safetensors").exists()


def test_units_go_with_directions_and_masks(ganedit, sample, tmp_path):
    mask = np.zeros((32, 32), np.uint8)
    mask[:16] = 255
    Image.fromarray(mask).save("top.png")
    ran = ganedit(
        *EDIT, "a.latent.safetensors", "--direction", "smile", "--activate", "layer5:4@top.png", "--sheet"
    )
    assert ran.status == 0, ran.err
    name = "a.smile+1.on-layer5_4@top"
    assert ran.lines == [f"{name}.png", f"{name}.sheet.png"]
    assert ganedit(*EDIT, "a.latent.safetensors", "--direction", "smile", "-o", "plain").status == 0
    moved = Latent.load("plain/a.smile+1.latent.safetensors").ws
    painted = UnitChange(5, (4,), on=True, mask=mask.astype(np.float32) / 255)
    assert (pixels(f"{name}.png") == drawn(moved, painted)).all()
    changed = np.abs(pixels(f"{name}.png").astype(int) - pixels("plain/a.smile+1.png")).sum(axis=(1, 2))
    assert changed[:14].any()
    assert not changed[24:].any()  # beyond what the layers after it spread


def test_a_sweep_keeps_the_units_changed(ganedit, sample):
    ran = ganedit(
        *EDIT, "a.latent.safetensors", "--direction", "smile", "--sweep=-1:1:3", "--ablate", "layer3:5"
    )
    assert ran.status == 0, ran.err
    assert len(ran.lines) == 4
    assert (pixels("a.smile+0.off-layer3_5.png") == drawn(sample, UnitChange(3, (5,)))).all()


def test_a_film_lets_the_units_fade(ganedit, sample, monkeypatch):
    films = []
    monkeypatch.setattr(
        "ganedit.images.video.write_video", lambda path, frames, comment: films.append(list(frames))
    )
    ran = ganedit(*EDIT, "a.latent.safetensors", "--ablate", "layer3:0-7", "--video")
    assert ran.status == 0, ran.err
    steps = [np.abs(one.astype(int) - films[0][0]).mean() for one in films[0][12:62]]
    assert steps[0] == 0
    assert steps == sorted(steps)
    assert steps[-1] > steps[25] > 0
    assert eased(3) == pytest.approx([0, 0.5, 1])


def test_a_picture_of_changed_units_is_not_the_latent_beside_it(ganedit, sample, tmp_path):
    """A latent of that name may still lie there."""
    assert ganedit(*EDIT, "a.latent.safetensors", "--direction", "smile").status == 0
    edited = tmp_path / "a.smile+1.latent.safetensors"
    assert latent_behind(tmp_path / "a.smile+1.png") == edited
    assert ganedit(*EDIT, "a.latent.safetensors", "--ablate", "layer3:5").status == 0
    edited.rename(tmp_path / "a.off-layer3_5.latent.safetensors")
    assert latent_behind(tmp_path / "a.off-layer3_5.png") is None


def test_units_come_into_the_photo(ganedit, tiny_faces, portrait, tmp_path):
    write_image(tmp_path / "me.png", read_image(portrait).pixels[:300, 80:400])
    ran = ganedit(*EDIT, "me.png", "--method", "encode", "--ablate", "layer4:0-7", "--paste", "--json")
    assert ran.status == 0, ran.err
    (told,) = ran.json
    assert told["path"] == "me.off-layer4_0,1,2,3,4,5,6,7.pasted.png"
    assert told["pictures"] == ["me.off-layer4_0,1,2,3,4,5,6,7.png"]
    assert (pixels("me.off-layer4_0,1,2,3,4,5,6,7.pasted.png") != pixels("me.png")).any()
    assert read_provenance("me.off-layer4_0,1,2,3,4,5,6,7.pasted.png")["parameters"]["units"][0]["layer"] == 4
    assert (tmp_path / "me.latent.safetensors").exists()  # the projection, which is a latent as ever


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [
        (["--ablate", "4:17"], 2, "--ablate 4:17 names no units"),
        (["--activate", "layer4:"], 2, "--activate layer4: names no units"),
        (["--ablate", "layer9:1"], 2, "there is no layer 9: the model faces has 7"),
        (["--ablate", "layer0:99"], 2, "there is no unit 99 in layer0 (4 px)"),
        (["--ablate", "layer0:1@none.png"], 3, "none.png"),
        (["--ablate", "layer0:1", "--sweep=-1:1:3"], 2, "no --direction"),
        (["--ablate", "layer0:1", "--magnitude", "2"], 2, "1 --magnitude do not match the 0 --direction"),
    ],
)
def test_what_makes_no_sense_is_told(ganedit, sample, tmp_path, options, status, told):
    ran = ganedit(*EDIT, "a.latent.safetensors", *options)
    assert ran.status == status
    assert told in ran.err
    assert not list(tmp_path.glob("a.*.png"))
