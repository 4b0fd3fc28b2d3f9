"""The classes that `ganedit.load` returns, one for each purpose of a model."""

from __future__ import annotations

from ganedit.store.models.analysis import Classifier, Discriminator, Encoder
from ganedit.store.models.base import Model
from ganedit.store.models.clip import Clip
from ganedit.store.models.generator import NOISES, Generator
from ganedit.store.models.image import Restorer, Translator, Upscaler
from ganedit.store.models.mapper import Mapper
from ganedit.store.models.single_image import SingleImage
from ganedit.store.models.sound import Vocoder

__all__ = [
    "NOISES",
    "Classifier",
    "Clip",
    "Discriminator",
    "Encoder",
    "Generator",
    "Mapper",
    "Model",
    "Restorer",
    "SingleImage",
    "Translator",
    "Upscaler",
    "Vocoder",
]
