"""Addresses of the web where files are expected."""

from __future__ import annotations

import pytest

URL = "https://example.org/me.jpg"


@pytest.mark.parametrize(
    "command",
    [
        ("edit", URL, "--direction", "smile"),
        ("generate", "--model", URL),
        ("align", URL),
        ("interpolate", URL, "7"),
        ("models", "import", URL),
        ("latent", "import", URL),
        ("direction", "import", URL),
        ("info", URL),
    ],
)
def test_they_are_to_be_downloaded_first(ganedit, tiny_faces, command):
    ran = ganedit(*command, "--device", "cpu")
    assert "download it first" in ran.err
    assert ran.status != 0
