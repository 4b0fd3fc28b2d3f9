"""CLIP models (Radford et al., arXiv:2103.00020): our own small ones, and those that open_clip knows by name.

The networks are open_clip's. A small one has a vocabulary of whole words instead of open_clip's 49,408 parts
of words: the model is smaller than their embedding table would be, and can tell which words it does not know.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ganedit.errors import CheckpointError, MissingError, UsageError, did_you_mean

SPECIAL = 2  # tokens before the words: padding, and the start of a text; the end comes after the words
WORD = re.compile(r"[^\W\d_]+|\d+")  # letters of any alphabet, or digits
SMALL = 2**20
HALF = (0.5, 0.5, 0.5)  # mean and deviation that keep pixels in [-1, 1]


@dataclass(frozen=True)
class ClipConfig:
    """Sizes of a small CLIP: a ResNet with attention pooling, and a transformer."""

    words: int  # in the vocabulary
    embed_dim: int = 64
    size: int = 64  # side of the pictures it looks at, a multiple of 32
    width: int = 24  # channels of the ResNet's first stage, 32 times as many after the last
    layers: tuple[int, ...] = (1, 2, 2, 1)  # blocks of its four stages
    context: int = 16  # tokens of a text, including start and end
    text_width: int = 96
    text_layers: int = 2
    text_heads: int = 4


class ClipNetwork(nn.Module):
    """Pictures [N, 3, S, S] and tokens [M, context] to features [N, E] and [M, E] in one space."""

    def __init__(self, cfg: ClipConfig) -> None:
        from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg

        super().__init__()
        self.cfg = cfg
        vision = CLIPVisionCfg(layers=cfg.layers, width=cfg.width, image_size=cfg.size)
        text = CLIPTextCfg(
            context_length=cfg.context,
            vocab_size=cfg.words + SPECIAL + 1,
            width=cfg.text_width,
            heads=cfg.text_heads,
            layers=cfg.text_layers,
        )
        self.clip = CLIP(cfg.embed_dim, vision, text)

    def encode_image(self, images: Tensor) -> Tensor:
        features: Tensor = self.clip.encode_image(images)
        return features

    def encode_text(self, tokens: Tensor) -> Tensor:
        features: Tensor = self.clip.encode_text(tokens)
        return features

    @property
    def logit_scale(self) -> nn.Parameter:
        """Logarithm of the factor on cosines before a softmax."""
        scale: nn.Parameter = self.clip.logit_scale
        return scale


class Words:
    """Texts to tokens, one for each word of a vocabulary; other words are ignored."""

    def __init__(self, words: Sequence[str], context: int) -> None:
        self.context = context
        self.most = context - 2  # words of a text that are read
        self.numbers = {word: i for i, word in enumerate(words, SPECIAL)}
        self.end = len(words) + SPECIAL  # open_clip recognises it as the highest

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Tokens [N, context]; words that do not fit are cut off."""
        tokens = torch.zeros(len(texts), self.context, dtype=torch.int64)
        for row, text in zip(tokens, texts, strict=True):
            known = [self.numbers[word] for word in self.known(text)]
            whole = [1, *known[: self.most], self.end]
            row[: len(whole)] = torch.tensor(whole)
        return tokens

    def known(self, text: str) -> list[str]:
        """Words of a text that are in the vocabulary, in their order."""
        return [word for word in words_of(text) if word in self.numbers]

    def unknown(self, text: str) -> list[str]:
        """Words of a text that the vocabulary lacks, in their order."""
        return [word for word in dict.fromkeys(words_of(text)) if word not in self.numbers]


def words_of(text: str) -> list[str]:
    """Words and numbers of a text, in lower case."""
    return WORD.findall(text.lower().replace("'s", "").replace("’s", ""))


class Pretrained(NamedTuple):
    """A CLIP model from open_clip."""

    network: nn.Module
    tokenize: Callable[[Sequence[str]], Tensor]
    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]


def is_tag(name: str) -> bool:
    """Whether a name is open_clip's for a model: ARCHITECTURE/WEIGHTS, such as ViT-B-32/openai."""
    import open_clip

    return "/" in name and name.partition("/")[0] in open_clip.list_models()


def open_pretrained(name: str) -> Pretrained:
    """The model ARCHITECTURE/WEIGHTS; the weights are a tag of open_clip, downloaded once, or a file.

    Raises:
        UsageError: no such weights.
        MissingError: they cannot be fetched.
        CheckpointError: the file does not fit.
    """
    import open_clip

    architecture, _, weights = name.partition("/")
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    file = Path(weights).expanduser()
    if weights not in tags and not file.is_file():
        raise UsageError(
            f"{architecture} has no weights {weights!r}, and there is no such file",
            did_you_mean(weights, tags) or f"open_clip knows {', '.join(tags)}",
        )
    try:
        with _silence():
            network, _, _ = open_clip.create_model_and_transforms(
                architecture, pretrained=weights if weights in tags else str(file)
            )
    except (OSError, ConnectionError) as error:
        raise MissingError(
            f"the weights of {name} could not be fetched: {_first_line(error)}",
            f"download them elsewhere, and name the file with `clip={architecture}/FILE`",
        ) from error
    except Exception as error:  # a damaged file can cause many errors
        raise CheckpointError(f"{weights} does not fit {architecture}: {_first_line(error)}") from error
    visual = network.visual
    size = visual.image_size[0] if isinstance(visual.image_size, tuple | list) else visual.image_size
    return Pretrained(
        network,
        open_clip.get_tokenizer(architecture),
        int(size),
        tuple(getattr(visual, "image_mean", None) or open_clip.OPENAI_DATASET_MEAN),
        tuple(getattr(visual, "image_std", None) or open_clip.OPENAI_DATASET_STD),
    )


def fingerprint(network: nn.Module) -> str:
    """Checksum for weights without a file: the sha256 of the smaller parameters."""
    digest = hashlib.sha256()
    for parameter in network.parameters():
        if parameter.numel() <= SMALL:
            digest.update(parameter.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()


def _silence() -> Any:
    import io

    return redirect_stdout(io.StringIO())


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
