"""What the README promises, with the bundled models: its commands as written, and what the cards claim."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands(pattern: str) -> list[list[str]]:
    """The `ganedit` calls of the README's code lines that match, without the word ganedit."""
    lines = [line for block in re.findall(r"```\n(.*?)```", README, re.S) for line in block.splitlines()]
    calls = [part.strip() for line in lines if re.search(pattern, line) for part in line.split("&&")]
    return [shlex.split(call)[1:] for call in calls if call.startswith("ganedit ")]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place with the example, as a fresh clone has it, and a home without downloaded models."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANEDIT_HOME", str(tmp_path / "home"))
    return tmp_path


def test_the_first_command_changes_the_portrait(folder: Path) -> None:
    from ganedit.cli.app import main
    from ganedit.images.io import read_image
    from ganedit.latent.latent import Latent

    calls = commands(r"^pip install .*? && ")
    assert [call[0] for call in calls] == ["project", "edit"]
    for call in calls:
        assert main(call) == 0
    projected, edited = read_image("portrait.projected.png").pixels, read_image("portrait.smile+2.png").pixels
    assert projected.shape == edited.shape
    assert np.abs(projected.astype(int) - edited.astype(int)).mean() > 2
    latent = Latent.load("portrait.latent.safetensors")
    assert latent.losses["psnr"] > 18


def test_a_zero_edit_leaves_the_photo_as_it_is(folder: Path) -> None:
    from ganedit.cli.app import main
    from ganedit.images.io import read_image

    project = ["project", "examples/portrait.png", "--method", "encode"]
    assert main(project) == 0
    assert main(["edit", "--direction", "smile", "--magnitude", "0", "--paste"]) == 0
    before, after = read_image("examples/portrait.png"), read_image("portrait.smile+0.pasted.png")
    assert np.array_equal(before.pixels, after.pixels)


def test_every_bundled_direction_moves_its_attribute() -> None:
    """By the bundled classifier, on the mean of 24 samples, from magnitude -1.5 to 1.5."""
    import ganedit
    from ganedit.latent.directions.direction import apply
    from ganedit.latent.directions.named import find

    faces, judge = ganedit.load("faces"), ganedit.load("face-attributes")
    ws = faces.mapping(faces.z_of(range(24)), psi=0.7)
    for name in ("smile", "age", "gender", "yaw", "pitch"):
        direction = find(name, "faces")
        with torch.no_grad():
            pictures = [faces.synthesis(apply(ws, [(direction, m, None)])).clamp(-1, 1) for m in (-1.5, 1.5)]
            less, more = (judge(one).mean(dim=0) for one in pictures)
        at = judge.attributes.index(name)
        assert more[at] > less[at], name


def test_bundled_weights_are_what_their_cards_say() -> None:
    from ganedit.store import registry
    from ganedit.store.load import verify

    names = sorted(path.parent.name for path in registry.bundled_folder().glob("*/card.toml"))
    assert {"faces", "faces-encoder", "face-attributes"} <= set(names)
    for name in names:
        card = verify(registry.bundled_folder() / name)
        assert card.source, name
        assert card.terms, name
        assert card.metrics, name


def test_the_violin_becomes_a_flute(folder: Path) -> None:
    """The example's phrase: as long and as loud as before, its overtones and the hiss of the bow softer."""
    from ganedit.audio.files import read_sound
    from ganedit.audio.spectrogram import SpectrogramConfig, level, levelled, picture
    from ganedit.cli.app import main

    assert main(["timbre", "examples/greensleeves-violin.flac", "-o", "flute.wav"]) == 0
    violin, flute = read_sound("examples/greensleeves-violin.flac"), read_sound("flute.wav")
    assert (flute.rate, flute.samples.shape) == (violin.rate, violin.samples.shape)
    wanted = level(violin.samples[0], violin.rate)
    assert level(flute.samples[0], flute.rate) == pytest.approx(wanted, abs=0.1)
    cfg = SpectrogramConfig()
    before, after = (picture(levelled(x.samples[0], x.rate, cfg).samples, cfg) for x in (violin, flute))
    loud = before > 0  # the partials
    assert (after[240:] - before[240:])[loud[240:]].mean() * 40 < -6  # dB, from 1760 Hz up
    assert (after[:130] - before[:130]).mean() * 40 < -2  # below all notes
