"""CLIP models: words to tokens, features of pictures and texts, and what cannot be opened."""

from __future__ import annotations

import json

import pytest
import torch

from ganedit.errors import CheckpointError, InputError, UsageError
from ganedit.store.load import load, load_clip
from ganedit.store.models import Clip
from ganedit.store.open_clip_network import Words, is_tag, words_of


def test_words_of_a_text():
    assert words_of("A woman's face, 34 years-old!") == ["a", "woman", "face", "34", "years", "old"]


def test_tokens_are_start_known_words_end():
    words = Words(["face", "old"], context=5)
    assert words(["an old face"]).tolist() == [[1, 3, 2, 4, 0]]
    assert words([""]).tolist() == [[1, 4, 0, 0, 0]]
    assert words(["old old face old"]).tolist() == [[1, 3, 3, 2, 4]]  # three fit
    assert words.unknown("an old, old dog") == ["an", "dog"]


def test_features_are_of_length_one_whatever_the_size(tiny_clip):
    clip = load_clip(tiny_clip, "cpu")
    assert isinstance(clip, Clip)
    for size in (64, 40, 100):
        features = clip.images(torch.rand(2, 3, size, size) * 2 - 1)
        assert features.shape == (2, 8)
        assert torch.allclose(features.norm(dim=1), torch.ones(2), atol=1e-5)
    assert torch.allclose(clip.texts(["an old man", "a girl"]).norm(dim=1), torch.ones(2), atol=1e-5)


def test_pictures_have_gradients(tiny_clip):
    picture = (torch.rand(1, 3, 64, 64) * 2 - 1).requires_grad_()
    load_clip(tiny_clip, "cpu").images(picture)[0, 0].backward()
    assert float(picture.grad.abs().sum()) > 0


def test_it_says_what_it_does_not_know(tiny_clip):
    clip = load_clip(tiny_clip, "cpu")
    assert clip.unknown_words("a smiling man with glasses") == ["glasses"]
    assert clip.unknown_words("these photos and faces") == ["photos", "faces"]  # "and" is no news
    with pytest.raises(UsageError, match="does not know glasses"):
        clip.texts(["a smiling man with glasses"])
    with pytest.raises(UsageError, match="knows no word of '笑顔'"):
        clip.texts(["笑顔"])
    with pytest.raises(UsageError, match="at most 14 words"):
        clip.texts(["an old man " * 5])
    with pytest.raises(InputError, match="empty"):
        clip.texts([" "])
    clip.ignore_unknown = True
    assert torch.equal(clip.texts(["a smiling man with glasses"]), clip.texts(["a smiling man with"]))
    with pytest.raises(UsageError, match="knows no word"):
        clip.texts(["purple dog"])


def test_a_card_without_its_words_is_refused(tiny_clip, tmp_path):
    import shutil

    shutil.copytree(tiny_clip, tmp_path / "cut")
    card = tmp_path / "cut" / "card.toml"
    card.write_text(card.read_text().replace('"smiling",\n', ""))
    with pytest.raises(CheckpointError, match="words"):
        load(tmp_path / "cut", "cpu")


def test_other_models_are_no_clip(tiny_models):
    with pytest.raises(CheckpointError, match="a generator, not a CLIP model"):
        load_clip(tiny_models / "faces", "cpu")


def test_names_of_open_clip():
    assert is_tag("ViT-B-32/laion2b_s34b_b79k")
    assert not is_tag("weights/clip-faces")
    with pytest.raises(UsageError, match="no weights 'laion3b'"):
        load_clip("ViT-B-32/laion3b", "cpu")


@pytest.fixture(scope="module")
def open_clips_own(tmp_path_factory):
    """A small architecture that open_clip knows by name, and a file of weights for it."""
    import open_clip
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("open_clip")
    vision = {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16}
    text = {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
    config = {"embed_dim": 12, "vision_cfg": vision, "text_cfg": text}
    (folder / "Tiny-Test.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder / "Tiny-Test.json")
    save_file(open_clip.create_model("Tiny-Test").state_dict(), folder / "mine.safetensors")
    return folder / "mine.safetensors"


def test_a_local_file_of_open_clips_weights_opens(open_clips_own):
    clip = load_clip(f"Tiny-Test/{open_clips_own}", "cpu")
    assert clip.unknown_words("a purple dog") == []
    assert clip.texts(["a purple dog"]).shape == (1, 12)
    assert clip.images(torch.zeros(1, 3, 64, 64)).shape == (1, 12)
    assert clip.sha256 == load_clip(f"Tiny-Test/{open_clips_own}", "cpu").sha256


def test_a_file_of_other_weights_is_refused(open_clips_own, tiny_clip):
    with pytest.raises(CheckpointError, match="does not fit Tiny-Test"):
        load_clip(f"Tiny-Test/{tiny_clip / 'model.safetensors'}", "cpu")
