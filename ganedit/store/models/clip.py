"""Models that compare pictures with texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.errors import CheckpointError, InputError, UsageError
from ganedit.store.cards import ModelCard
from ganedit.store.models.base import Model
from ganedit.store.open_clip_network import HALF, Pretrained, Words

# Words that a text can lose without meaning something else. Negations and "he" or "she" do not belong here.
FUNCTION_WORDS = frozenset((
    "a", "an", "the", "this", "that", "these", "those", "some", "of", "at", "in", "on", "by", "for", "from",
    "to", "into", "with", "as", "and", "or", "but", "who", "whose", "which", "is", "are", "was", "were", "be",
    "being", "been", "am", "has", "have", "had", "having", "do", "does", "did", "it", "its", "there", "here",
    "image", "photo", "photograph", "picture", "portrait",
))  # fmt: skip


class Clip(Model):
    """Measures how well pictures match texts: by the cosine of their features.

    A small CLIP knows the words that its card lists in `details.words`; one of open_clip's takes any text.

    Attributes:
        ignore_unknown: Leave out words that a small model does not know, instead of refusing the text.
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
        self.ignore_unknown = False
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
            InputError: An empty text.
            UsageError: A text that `check_text` refuses.
        """
        key = tuple(texts)
        if key not in self._read:
            for text in texts:
                self.check_text(text)
            features = self.network.encode_text(self._tokenize(list(texts)).to(self.device))
            self._read[key] = F.normalize(features.float(), dim=1)
        return self._read[key]

    def check_text(self, text: str) -> None:
        """Refuse a text that the model would read as something else.

        Raises:
            InputError: An empty text.
            UsageError: A small model knows no word of the text. Or, unless `ignore_unknown`, it does not know
                all of its content words, or the text has too many words.
        """
        if not text.strip():
            raise InputError("the text is empty", 'say what the image should show: "a smiling face"')
        if self.words is None:
            return
        unknown, known = self.unknown_words(text), self.words.known(text)
        others = "another `clip`, such as ViT-B-32/laion2b_s34b_b79k, reads any text"
        ignore = "" if self.ignore_unknown else "; `ignore_unknown=True` leaves those words out"
        if not known:
            raise UsageError(f"{self.name} knows no word of {text!r}; {self._subject()}", others)
        if unknown and not self.ignore_unknown:
            raise UsageError(
                f"{self.name} does not know {', '.join(unknown)} in {text!r}; {self._subject()}",
                others + ignore,
            )
        if len(known) > self.words.most and not self.ignore_unknown:
            raise UsageError(
                f"{self.name} reads at most {self.words.most} words; {text!r} has {len(known)}",
                "shorten it" + ignore,
            )

    def _subject(self) -> str:
        """Where to look up the words."""
        return f"ganedit models info {self.name} lists the words that it knows"

    def unknown_words(self, text: str) -> list[str]:
        """Content words of a text that a small model never learned; empty for a model that reads any text."""
        unknown = self.words.unknown(text) if self.words else []
        return [word for word in unknown if word not in FUNCTION_WORDS]


def _words_in(card: ModelCard) -> list[str]:
    words = card.details.get("words")
    if not isinstance(words, list | tuple) or len(words) != card.config.get("words"):
        raise CheckpointError(f"the card of {card.name} does not list the words it knows", "get it again")
    return [str(word) for word in words]
