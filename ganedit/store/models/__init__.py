"""What `ganedit.load` returns: one class per thing that a model is for."""

from __future__ import annotations

from ganedit.store.models.analysis import Classifier, Discriminator, Encoder
from ganedit.store.models.base import Model
from ganedit.store.models.generator import NOISES, Generator
from ganedit.store.models.image import Translator, Upscaler

__all__ = [
    "NOISES",
    "Classifier",
    "Discriminator",
    "Encoder",
    "Generator",
    "Model",
    "Translator",
    "Upscaler",
]
