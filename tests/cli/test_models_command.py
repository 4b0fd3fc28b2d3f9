"""`ganedit models`, run as a user does, in a home of its own and without a network."""

from __future__ import annotations

import hashlib
import io
import shutil
import sys
from pathlib import Path

import pytest

from ganedit.cli.app import main
from ganedit.cli.kit.context import Console
from ganedit.store.cards import ModelCard
from ganedit.store.downloads import catalogue
from ganedit.store.downloads.catalogue import Entry, Licence

GOLDEN = Path(__file__).parents[1] / "golden"
FILE = "sg2ada-uncond-64.pkl"
FREE = Licence("Free Licence", "https://example.org/free", "Do as you like.")
STRICT = Licence("Strict Licence", "https://example.org/strict", "NON-COMMERCIAL: research only.", True)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    """An empty home, no bundled models, and a catalogue of three."""
    monkeypatch.setenv("GANEDIT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("ganedit.store.registry.bundled_folder", lambda: tmp_path / "bundled")
    how = {"file": FILE, "resolution": 64, "template": "ffhq", "data": "noise"}
    family, page = "stylegan2-ada-pytorch", "https://example.org"
    made = [
        Entry("free", "generator", family, FREE, page, url="http://127.0.0.1:9/" + FILE, **how),
        Entry("strict", "generator", family, STRICT, page, url="http://127.0.0.1:9/" + FILE, **how),
        Entry("by-hand", "generator", family, FREE, page, manual="https://drive.example.org/1", **how),
        Entry("clip", "clip", "open_clip", FREE, page, open_clip="ViT-B-32/openai"),
    ]
    monkeypatch.setattr(catalogue, "entries", lambda: {entry.name: entry for entry in made})
    return tmp_path / "home"


@pytest.fixture
def mirror(tmp_path) -> Path:
    folder = tmp_path / "mirror"
    folder.mkdir()
    shutil.copy(GOLDEN / FILE, folder)
    return folder


@pytest.fixture
def mine(ganedit, home) -> Path:
    """An imported model called `mine`."""
    assert ganedit("models", "import", GOLDEN / FILE, "--name", "mine").status == 0
    return home / "mine"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


# ---- list, info, path ----


def test_the_list(ganedit, mine):
    rows = {row["name"]: row for row in ganedit("models", "list", "--json").json}
    assert [row["state"] for row in rows.values()] == ["yours", "to pull", "to pull", "by hand", "to pull"]
    assert (rows["mine"]["path"], rows["mine"]["megabytes"]) == (str(mine), 3)
    assert (rows["strict"]["licence"], rows["strict"]["path"]) == ("Strict Licence", "")
    lines = ganedit("models", "list").lines
    assert len(lines) == 5
    assert lines[0].split() == ["mine", "generator", "64", "px", "3", "MB", "yours", str(mine)]
    assert "Strict Licence" in lines[2]
    assert [row["name"] for row in ganedit("models", "list", "--installed", "--json").json] == ["mine"]


def test_the_list_goes_on_after_a_damaged_card(ganedit, mine):
    (mine / "card.toml").write_text("name = ")
    ran = ganedit("models", "list")
    assert ran.status == 4
    assert len(ran.lines) == 4
    assert "is not a model card" in ran.err


def test_info_of_what_can_be_pulled(ganedit):
    text = ganedit("models", "info", "strict").out
    for word in (
        "NON-COMMERCIAL",
        "https://example.org/strict",
        "127.0.0.1:9",
        "recorded at",
        "models pull strict",
    ):
        assert word in text
    assert "in a browser: https://drive.example.org/1" in ganedit("models", "info", "by-hand").out
    assert "through open_clip (ViT-B-32/openai)" in ganedit("models", "info", "clip").out
    (about,) = ganedit("models", "info", "strict", "--json").json
    assert (about["template"], about["licence"]["name"]) == ("ffhq", "Strict Licence")


def test_info_of_a_file(ganedit, home, mirror):
    (card,) = ganedit("models", "info", mirror / FILE, "--json").json
    assert (card["task"], card["resolution"], card["architecture"]) == ("generator", 64, "stylegan2")
    assert not home.exists()
    (mirror / "x.pkl").write_bytes(b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.")
    ran = ganedit("models", "info", mirror / "x.pkl")
    assert ran.status == 4
    assert "os" in ran.err


def test_names_that_are_nothing(ganedit):
    for command in ("info", "path", "verify", "rm", "pull"):
        ran = ganedit("models", command, "strikt")
        assert ran.status == 2, command
        assert "did you mean strict" in ran.err
    for command in ("path", "verify", "rm"):
        ran = ganedit("models", command, "strict")
        assert ran.status == 5
        assert "ganedit models pull strict" in ran.err


# ---- pull ----


def test_pull_prints_the_licence_first(ganedit, home, mirror):
    ran = ganedit("models", "pull", "free", "--mirror", mirror)
    assert (ran.status, ran.lines) == (0, [str(home / "free")])
    assert "Free Licence" in ran.err
    assert "Do as you like." in ran.err
    assert ModelCard.load(home / "free").template == "ffhq"
    assert ganedit("models", "path", "free").lines == [str(home / "free")]
    assert ganedit("models", "verify", "free").status == 0
    assert ganedit("generate", "--model", "free", "--seeds", "0", "--device", "cpu").status == 0


def test_pull_needs_consent_to_restrictions(ganedit, home, mirror):
    ran = ganedit("models", "pull", "strict", "--mirror", mirror, "--quiet")
    assert (ran.status, ran.out) == (2, "")
    assert "NON-COMMERCIAL" in ran.err
    assert "--yes" in ran.err
    assert not (home / "strict").exists()
    assert ganedit("models", "pull", "strict", "--mirror", mirror, "--yes").status == 0
    shutil.rmtree(home / "strict")
    assert ganedit("models", "pull", "strict", "--mirror", mirror).status == 0  # agreed to before


@pytest.mark.parametrize(("answer", "status"), [("y\n", 0), ("Yes\n", 0), ("n\n", 2), ("\n", 2), ("", 2)])
def test_pull_asks_on_a_terminal(tmp_path, home, mirror, answer, status):
    console = Console(Terminal(answer), io.StringIO(), Terminal())
    assert main(["models", "pull", "strict", "--mirror", str(mirror)], console) == status
    assert "do you agree to the terms of strict? [y/N]" in console.stderr.getvalue()
    assert (home / "strict").exists() == (status == 0)


def test_pull_of_what_is_there(ganedit, home, mirror):
    argv = "models", "pull", "free", "--mirror", mirror
    assert ganedit(*argv).status == 0
    assert "already there" in ganedit(*argv).err
    assert ganedit(*argv, "--skip-existing").lines == [str(home / "free")]
    assert ganedit(*argv, "--force").status == 0


def test_pull_of_several(ganedit, home, mirror):
    ran = ganedit("models", "pull", "by-hand", "nothing", "free", "--mirror", mirror, "--json")
    assert ran.status == 1
    assert [line["name"] for line in ran.json] == ["by-hand", "free"]
    assert "there is no model nothing" in ran.err


def test_pull_without_a_network(ganedit, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    ran = ganedit("models", "pull", "free")
    assert ran.status == 5
    assert "--mirror" in ran.err
    by_hand = ganedit("models", "pull", "by-hand")
    assert by_hand.status == 5
    assert "in a browser" in by_hand.err
    assert "Licence" not in by_hand.err


def test_pull_refuses_another_file_than_the_first(ganedit, home, mirror):
    argv = "models", "pull", "free", "--mirror", mirror
    ganedit(*argv)
    ganedit("models", "rm", "free", "--yes")
    shutil.copy(GOLDEN / "sg2ada-cond-32.pkl", mirror / FILE)
    ran = ganedit(*argv)
    assert ran.status == 4
    assert "first downloaded" in ran.err
    assert ganedit(*argv, "--force").status == 0


# ---- import and export ----


def test_import(ganedit, home):
    ran = ganedit(
        "models", "import", GOLDEN / FILE, "--name", "mine", "--template", "ffhq", "--licence", "MIT",
        "--terms", "None.", "--source", "a friend", "--dtype", "float16", "--json",
    )  # fmt: skip
    (line,) = ran.json
    assert (line["path"], line["task"]) == (str(home / "mine"), "generator")
    card = ModelCard.load(home / "mine")
    assert (card.template, card.licence, card.terms, card.source) == ("ffhq", "MIT", "None.", "a friend")
    assert card.details["source_sha256"] == hashlib.sha256((GOLDEN / FILE).read_bytes()).hexdigest()


def test_import_of_several(ganedit, home, mirror):
    shutil.copy(GOLDEN / "sg2ada-cond-32.pkl", mirror)
    (mirror / "broken.pkl").write_bytes(b"nonsense")
    ran = ganedit("models", "import", mirror)
    assert ran.status == 1
    assert ran.lines == [str(home / "sg2ada-cond-32"), str(home / "sg2ada-uncond-64")]
    assert "broken.pkl" in ran.err
    assert "--name" in ganedit("models", "import", mirror, "--name", "x").err
    piped = ganedit("models", "import", "-", "--force", stdin=f"{mirror / FILE}\n")
    assert piped.lines == [str(home / "sg2ada-uncond-64")]


def test_import_of_a_folder_with_a_card(ganedit, home, mine):
    ran = ganedit("models", "import", mine, "--name", "again")
    assert ran.lines == [str(home / "again")]


@pytest.mark.parametrize(
    ("argv", "status", "said"),
    [
        (["--name", "a/b"], 2, "cannot be the name"),
        (["--name", "mine"], 2, "already there"),
        (["--template", "round"], 2, "close-up"),
        (["--dtype", "bfloat16"], 2, "float16"),
    ],
)
def test_import_refuses(ganedit, mine, argv, status, said):
    ran = ganedit("models", "import", GOLDEN / FILE, *argv)
    assert (ran.status, ran.out) == (status, "")
    assert said in ran.err


def test_import_keeps_or_replaces(ganedit, mine):
    argv = "models", "import", GOLDEN / "sg2ada-cond-32.pkl", "--name", "mine"
    before = ModelCard.load(mine).sha256
    assert ganedit(*argv, "--skip-existing").lines == [str(mine)]
    assert ModelCard.load(mine).sha256 == before
    assert ganedit(*argv, "--force").status == 0
    assert ModelCard.load(mine).sha256 != before


def test_import_without_a_file(ganedit):
    assert ganedit("models", "import").status == 2
    assert ganedit("models", "import", "nowhere.pkl").status == 3


def test_export(ganedit, mine, tmp_path):
    pytest.importorskip("ganedit.store.export")
    ran = ganedit("models", "export", "mine", "--format", "safetensors", "-o", "out.safetensors")
    assert (ran.status, ran.lines) == (0, ["out.safetensors"]), ran.err
    assert ganedit("models", "import", "out.safetensors", "--name", "back").status == 0
    assert "already there" in ganedit("models", "export", "mine", "-o", "out.safetensors").err
    assert "choose" in ganedit("models", "export", "mine", "--format", "zip", "-o", "x.zip").err


# ---- rm ----


def test_rm(ganedit, home, mine):
    asked = ganedit("models", "rm", "mine")
    assert asked.status == 2
    assert f"delete {mine}" in asked.err
    assert mine.exists()
    ran = ganedit("models", "rm", "mine", "--yes")
    assert (ran.status, ran.lines) == (0, [str(mine)])
    assert "MB freed" in ran.err
    assert list(home.iterdir()) == []


def test_rm_spares_what_is_not_yours(ganedit, tmp_path, mine):
    shutil.copytree(mine, tmp_path / "bundled" / "faces")
    ran = ganedit("models", "rm", "faces", "--yes")
    assert ran.status == 2
    assert "comes with ganedit" in ran.err
    for name in ("../mirror", str(mine), ".", ""):
        assert ganedit("models", "rm", name, "--yes").status == 2
    assert "kept by open_clip" in ganedit("models", "rm", "clip", "--yes").err
    assert mine.is_dir()


def test_rm_of_an_unfinished_download(ganedit, home):
    part = home / ".downloads" / "free" / f".{FILE}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"half")
    assert ganedit("models", "rm", "free", "--yes").lines == [str(part.parent)]
    assert not part.parent.exists()
    assert ganedit("models", "rm", "free", "--yes").status == 5


def test_rm_of_a_link_leaves_what_it_points_to(ganedit, home, mine, tmp_path):
    mine.rename(tmp_path / "elsewhere")
    mine.symlink_to(tmp_path / "elsewhere")
    assert ganedit("models", "rm", "mine", "--yes").status == 0
    assert (tmp_path / "elsewhere" / "card.toml").is_file()
    assert list(home.iterdir()) == []


def test_listing_needs_nothing_heavy():
    """As test_layering.py, for the catalogue alone."""
    import subprocess

    heavy = "{'torch', 'requests', 'numpy'}"
    code = f"import sys, ganedit.store.downloads.pulling; print(*({heavy} & sys.modules.keys()))"
    argv = [sys.executable, "-c", code]
    ran = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=GOLDEN.parents[1])
    assert ran.stdout.split() == []
