"""`ganedit studio`: what it refuses before a page is served."""

from __future__ import annotations

import importlib.util


def test_without_gradio_it_says_how_to_install_it(ganedit, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "gradio" else found(name))
    ran = ganedit("studio")
    assert ran.status == 5
    assert ran.err.splitlines() == [
        "ganedit studio: the page needs gradio, which is not installed",
        '  next: pip install "ganedit[studio]"',
    ]


def test_other_computers_need_a_password_which_is_no_option(ganedit, monkeypatch):
    monkeypatch.delenv("GANEDIT_STUDIO_PASSWORD", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: True)
    ran = ganedit("studio", "--host", "0.0.0.0")
    assert ran.status == 2
    assert "needs a password" in ran.err
    assert "GANEDIT_STUDIO_PASSWORD" in ran.err
    assert "--password" not in ganedit("studio", "--help").out
