"""`ganedit direction info`: how a direction was made."""

from __future__ import annotations

from typing import Any

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.directions import Name, model_name
from ganedit.cli.kit.options import Model


def info(console: Console, name: Name, model: Model = "faces") -> None:
    """Tell how a direction was made. NAME may be a file."""
    from ganedit.latent.directions import named

    found = named.find(name, model_name(model))
    about: dict[str, Any] = {
        "name": found.name,
        "space": found.space,
        "shape": list(found.vector.shape),
        "sigma": found.sigma,
        "model": found.model,
        "model_sha256": found.model_sha256,
        "method": found.method,
        "layers": list(found.layers),
        "accuracy": found.accuracy,
        "samples": found.samples,
        "preserved": list(found.preserved),
    }
    known = {key: value for key, value in about.items() if value not in ("", None, [], 0)}
    console.answer("\n".join(f"{key:<14} {_plain(value)}" for key, value in known.items()), about)


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
