"""The catalogue is complete, and says nothing that cannot be."""

from __future__ import annotations

import importlib
import re
from collections import Counter
from urllib.parse import urlsplit

import pytest

from ganedit.errors import MissingError, UsageError
from ganedit.store import registry
from ganedit.store.cards import TASKS
from ganedit.store.downloads.catalogue import Entry, entries, find, no_such_model

ENTRIES = list(entries().values())


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_an_entry_is_complete(entry: Entry, tmp_path, monkeypatch):
    monkeypatch.setenv("GANEDIT_HOME", str(tmp_path))
    registry.check_name(entry.name)
    assert entry.name == entry.name.lower()
    assert entry.task in (*TASKS, "clip")
    assert entry.family
    assert entry.data
    assert entry.licence.name
    assert entry.licence.terms.endswith(".")
    assert entry.template in ("", "ffhq", "close-up")
    assert entry.resolution == 0 or 32 <= entry.resolution <= 1024
    assert sum(map(bool, (entry.url, entry.manual, entry.wheel, entry.open_clip))) == 1
    assert bool(entry.file) != bool(entry.open_clip or entry.wheel)
    for url in (entry.url, entry.manual, entry.source, entry.licence.url, entry.config_url):
        assert not url or (
            urlsplit(url).scheme == "https" and "//" not in urlsplit(url).path and " " not in url
        )
    assert entry.source


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_its_numbers_can_be(entry: Entry):
    assert entry.size == 0 or 10**6 < entry.size < 2 * 10**9
    assert entry.megabytes == 0 or 1 <= entry.megabytes < 2000
    assert not (entry.size and entry.megabytes)
    assert not entry.sha256 or re.fullmatch("[0-9a-f]{64}", entry.sha256)


def test_nothing_is_there_twice():
    names = [entry.name for entry in ENTRIES]
    assert len(set(names)) == len(names)
    for key in ("url", "manual", "wheel", "open_clip", "sha256", "file"):
        values = [v for e in ENTRIES if (v := getattr(e, key)) and "MODEL_ZOO" not in v]
        assert [v for v, count in Counter(values).items() if count > 1] == []
    assert not set(names) & set(registry.BUNDLED)


def test_what_restricts_says_so():
    """Those for research only are marked, so that their terms are agreed to before the download."""
    for entry in ENTRIES:
        assert entry.licence.restricted == (
            "NON-COMMERCIAL" in entry.licence.terms or "research" in entry.licence.terms
        )


def test_every_published_family_is_there():
    counts = Counter(entry.family for entry in ENTRIES)
    assert counts["stylegan3"] == 12
    assert counts["stylegan2-ada-pytorch"] >= 27
    assert counts["cyclegan"] == 18
    assert counts["pix2pix"] == 5
    assert counts["esrgan"] >= 6
    assert counts["ncnn"] == 3
    assert counts["e4e"] + counts["psp"] >= 6
    assert counts["open_clip"] >= 6


def test_open_clip_knows_its_tags():
    pretrained = importlib.import_module("open_clip.pretrained")
    for entry in ENTRIES:
        if entry.open_clip:
            assert pretrained.get_pretrained_cfg(*entry.open_clip.split("/")), entry.name


def test_names_that_are_not_here():
    downloadable = no_such_model("stylegan2-ffhq", [])
    assert isinstance(downloadable, MissingError)
    assert downloadable.hint == "ganedit models pull stylegan2-ffhq"
    misspelt = no_such_model("stylgan2-ffhq", ["faces"])
    assert isinstance(misspelt, UsageError)
    assert "stylegan2-ffhq" in misspelt.hint
    assert "models list" in no_such_model("qqqqqq", ["faces"]).hint
    assert find("qqqqqq") is None


def test_load_says_what_to_pull():
    from ganedit.store.load import load

    with pytest.raises(MissingError, match="can be downloaded") as raised:
        load("cyclegan-horse2zebra", "cpu")
    assert raised.value.hint == "ganedit models pull cyclegan-horse2zebra"
