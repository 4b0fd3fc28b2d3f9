"""`ganedit direction info`: show how a direction was made."""

from __future__ import annotations

from typing import Any

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.directions import Name, model_name
from ganedit.cli.kit.options import Model


def info(console: Console, name: Name, model: Model = "faces") -> None:
    """Show how a direction was made. NAME may be a file."""
    from ganedit.latent.directions import named

    direction = named.find(name, model_name(model))
    about: dict[str, Any] = {
        "name": direction.name,
        "space": direction.space,
        "shape": list(direction.vector.shape),
        "sigma": direction.sigma,
        "model": direction.model,
        "model_sha256": direction.model_sha256,
        "weights_sha256": direction.weights_sha256,
        "method": direction.method,
        "layers": list(direction.layers),
        "accuracy": direction.accuracy,
        "samples": direction.samples,
        "preserved": list(direction.preserved),
        "safe": list(direction.safe or ()),
    }
    known = {key: value for key, value in about.items() if value not in ("", None, [], 0)}
    console.answer("\n".join(f"{key:<14} {_plain(value)}" for key, value in known.items()), about)


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
