"""Models that compare pictures with texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.errors import CheckpointError, InputError
from ganedit.store.cards import ModelCard
from ganedit.store.models.base import Model
from ganedit.store.open_clip_network import HALF, Pretrained, Words, words_of

EMPTY = frozenset(
    ("a", "an", "the", "of", "at", "in", "is", "this", "who", "with", "photo", "picture", "person")
)  # words without meaning of their own


class Clip(Model):
    """Measures how well pictures match texts: by the cosine of their features.

    A small CLIP knows the words that its card lists in `details.words`; one of open_clip's takes any text.
    """

    def __init__(
        self,
        card: ModelCard,
        network: nn.Module,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        pretrained: Pretrained | None = None,
    ) -> None:
        super().__init__(card, network, device, dtype)
        self.words: Words | None = None
        self._read: dict[tuple[str, ...], Tensor] = {}  # an optimisation asks for the same text in every step
        if pretrained is None:
            self.words = Words(_words_in(card), self.network.cfg.context)
            self.size: int = self.network.cfg.size
            self._mean: tuple[float, ...] = HALF
            self._std: tuple[float, ...] = HALF
            self._tokenize: Callable[[Sequence[str]], Tensor] = self.words
        else:
            _, self._tokenize, self.size, self._mean, self._std = pretrained

    @property
    def scale(self) -> float:
        """Factor on the cosines before a softmax over texts."""
        return float(self.network.logit_scale.detach().exp())

    def images(self, images: Tensor) -> Tensor:
        """Features [N, E], of length 1, of pictures [N, 3, H, W] in [-1, 1] of any size; differentiable."""
        x = self._images(images)
        if x.shape[2:] != (self.size, self.size):
            x = F.interpolate(x, (self.size, self.size), mode="bicubic", antialias=True)
        mean, std = (x.new_tensor(v).view(1, 3, 1, 1) for v in (self._mean, self._std))
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            features = self.network.encode_image(((x + 1) / 2 - mean) / std)
        return F.normalize(features.float(), dim=1)

    @torch.no_grad()
    def texts(self, texts: Sequence[str]) -> Tensor:
        """Features [M, E], of length 1.

        Raises:
            InputError: a text without any word.
        """
        for text in texts:
            if not text.strip():
                raise InputError("the text is empty", 'say what the image should show: "a smiling face"')
        key = tuple(texts)
        if key not in self._read:
            features = self.network.encode_text(self._tokenize(list(texts)).to(self.device))
            self._read[key] = F.normalize(features.float(), dim=1)
        return self._read[key]

    def understands(self, text: str) -> bool:
        """Whether a text says anything but words like "a photo of the" that a small model knows."""
        if self.words is None:
            return True
        return any(word in self.words.numbers and word not in EMPTY for word in words_of(text))

    def unknown_words(self, text: str) -> list[str]:
        """Words of a text that a small model never learned; empty for a model that reads any text."""
        return self.words.unknown(text) if self.words else []


def _words_in(card: ModelCard) -> list[str]:
    words = card.details.get("words")
    if not isinstance(words, list | tuple) or len(words) != card.config.get("words"):
        raise CheckpointError(f"the card of {card.name} does not list the words it knows", "get it again")
    return [str(word) for word in words]
