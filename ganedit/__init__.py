"""Edit photographs with GANs: align, project, edit, paste back, and train the models that do it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganedit.store.load import load as load

__version__ = "0.1.0"

_PUBLIC = {"load": "ganedit.store.load"}
"""Public names and where they live; imported on first use, so that `import ganedit` stays light."""

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'ganedit' has no attribute {name!r}")
