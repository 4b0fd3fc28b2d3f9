"""Units of generators, read and changed: against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from reference import reference_file

from ganedit.errors import CheckpointError, InputError, UsageError
from ganedit.latent.sampling import random_codes
from ganedit.latent.units.activations import UpperQuantile, activations, layer_shapes
from ganedit.latent.units.switching import UnitChange, UnitEdit, high_values, parse_change, read_mask
from ganedit.store.load import load, load_generator


@pytest.fixture
def generator(tiny_faces):
    return load_generator("faces", "cpu")


@pytest.fixture
def alias_free():
    return load_generator(reference_file("sg3t-32.pkl"), "cpu")


def outputs(generator, layer, codes, edit=None, **how):
    """Everything that leaves a layer, margin included, and the pictures."""
    found = []
    module = generator.layers[layer]
    if edit is None:
        hook = module.register_forward_hook(lambda *call: found.append(call[2]))
        pictures = generator.synthesis(codes)
    else:
        with edit.applied(generator, **how):
            hook = module.register_forward_hook(lambda *call: found.append(call[2]))
            pictures = generator.synthesis(codes)
    hook.remove()
    return found[0].detach(), pictures.detach()


def some_codes(generator, count=3):
    return random_codes(generator, count)[:, None].expand(-1, generator.num_ws, -1)


# ---- reading ----


@pytest.mark.parametrize(("q", "count"), [(0.99, 50), (0.99, 100), (0.99, 1000), (0.8, 35), (0.5, 7)])
def test_quantiles_of_pieces_are_those_of_the_whole(q, count):
    values = np.random.default_rng(count).normal(size=(3, count))
    found = UpperQuantile(q, count)
    for piece in np.array_split(values, 4, axis=1):
        found.add(torch.from_numpy(piece))
    wanted = np.quantile(values, q, axis=1, method="inverted_cdf")
    assert (found.result().numpy() == wanted).all()


def test_shapes_of_layers(generator, alias_free):
    assert [(s.units, s.size, s.inside) for s in layer_shapes(generator)][:3] == [
        (16, 4, 4),
        (16, 8, 8),
        (16, 8, 8),
    ]
    assert str(layer_shapes(generator)[3]) == "layer3 (16 px)"
    first, *_, last = layer_shapes(alias_free)
    assert (first.size, first.inside, first.margin) == (36, 16, 10)
    assert (last.size, last.inside, last.margin) == (32, 32, 0)


def test_activations_are_what_leaves_the_layers(generator):
    shapes = layer_shapes(generator)
    codes = random_codes(generator, 3)
    pictures, (second, fourth) = activations(generator, codes, [shapes[2], shapes[4]])
    whole, drawn = outputs(generator, 2, some_codes(generator))
    assert torch.equal(second, whole)
    assert torch.equal(pictures, drawn)
    none, (_, early) = activations(generator, codes, [shapes[2], shapes[4]], draw=False)
    assert torch.equal(early, fourth)
    assert not none.numel()
    assert not any(module._forward_hooks for module in generator.layers)


def test_activations_end_at_the_picture(alias_free):
    shape = layer_shapes(alias_free)[1]
    _, (inner,) = activations(alias_free, random_codes(alias_free, 2), [shape])
    whole, _ = outputs(alias_free, 1, some_codes(alias_free, 2))
    assert torch.equal(inner, whole[:, :, 10:-10, 10:-10])


# ---- changing ----


def test_units_go_to_zero_and_come_back(generator):
    codes = some_codes(generator)
    before, picture = outputs(generator, 3, codes)
    edit = UnitEdit(generator, [UnitChange(3, (1, 5))])
    after, changed = outputs(generator, 3, codes, edit)
    assert (after[:, [1, 5]] == 0).all()
    others = [i for i in range(before.shape[1]) if i not in (1, 5)]
    assert torch.equal(after[:, others], before[:, others])
    assert not torch.equal(changed, picture)
    half, _ = outputs(generator, 3, codes, edit, strength=0.5)
    torch.testing.assert_close(half[:, [1, 5]], before[:, [1, 5]] / 2)
    again, same = outputs(generator, 3, codes)
    assert torch.equal(again, before)
    assert torch.equal(same, picture)


def test_a_region_keeps_the_change_inside(generator):
    mask = np.zeros((64, 64), np.float32)
    mask[:, 32:] = 1  # the right half; at 16 px, the columns 8 to 15
    codes = some_codes(generator)
    before, _ = outputs(generator, 3, codes)
    after, _ = outputs(generator, 3, codes, UnitEdit(generator, [UnitChange(3, (2,), mask=mask)]))
    assert torch.equal(after[..., :7], before[..., :7])
    assert (after[:, 2, :, 9:] == 0).all()
    assert torch.equal(after[:, 3], before[:, 3])


def test_units_are_switched_on_to_their_own_high_values(generator):
    shape = layer_shapes(generator)[2]
    _, (maps,) = activations(generator, random_codes(generator, 20), [shape])
    wanted = np.quantile(maps[:, [4, 0]].transpose(0, 1).flatten(1).numpy(), 0.99, 1, method="inverted_cdf")
    found = high_values(generator, shape, [4, 0], samples=20)
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-4)
    edit = UnitEdit(generator, [UnitChange(2, (4, 0), on=True)], samples=20)
    after, _ = outputs(generator, 2, some_codes(generator), edit)
    torch.testing.assert_close(after[0, [4, 0], 3, 3], found)


def test_a_painted_rim_reaches_into_the_margin(alias_free):
    """All of the picture painted is as much as nothing painted: the margin goes with it."""
    codes = some_codes(alias_free, 2)
    everywhere = UnitEdit(alias_free, [UnitChange(2, (0, 3))])
    painted = UnitEdit(alias_free, [UnitChange(2, (0, 3), mask=np.ones((50, 50), np.float32))])
    wanted, _ = outputs(alias_free, 2, codes, everywhere)
    found, _ = outputs(alias_free, 2, codes, painted)
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=0)
    assert found[:, 0].abs().max() < 1e-6


def test_what_a_generator_has_not_is_refused(generator):
    with pytest.raises(UsageError, match="no layer 7: the model faces has 7"):
        UnitEdit(generator, [UnitChange(7, (0,))])
    with pytest.raises(UsageError, match=r"no unit 16 in layer1 \(8 px\)"):
        UnitEdit(generator, [UnitChange(1, (3, 16))])


def test_generators_without_layers_are_refused():
    with pytest.raises(CheckpointError, match="no style space"):
        layer_shapes(load(reference_file("genforce-pggan.pth"), "cpu"))


# ---- words ----


def test_changes_are_read_and_written(tmp_path):
    mask = tmp_path / "a,b@1.png"
    Image.new("L", (8, 8), 255).save(mask)
    change = parse_change(f"layer4:5,7-9,5@{mask}", on=True)
    assert (change.layer, change.units, change.on) == (4, (5, 7, 8, 9), True)
    assert str(change) == f"layer4:5,7,8,9@{mask}"
    assert change.record == {"change": "activate", "layer": 4, "units": [5, 7, 8, 9], "mask": str(mask)}
    assert parse_change("layer0:3", on=False).record == {"change": "ablate", "layer": 0, "units": [3]}


@pytest.mark.parametrize(
    "text", ["4:17", "layer4", "layer4:", "layer4:1,,2", "layer4:x", "layer4:9-3", "layer4:1@"]
)
def test_other_words_are_refused(text):
    with pytest.raises(UsageError, match="names no units"):
        parse_change(text, on=False)


def test_masks_are_white_where_they_are_painted(tmp_path):
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[:2] = (255, 255, 255, 255)
    pixels[2] = (255, 255, 255, 0)  # white, but seen through
    Image.fromarray(pixels).save(tmp_path / "mask.png")
    np.testing.assert_allclose(
        read_mask(tmp_path / "mask.png"), [[1] * 4, [1] * 4, [0] * 4, [0] * 4], atol=1e-6
    )
    Image.new("L", (4, 4), 0).save(tmp_path / "black.png")
    with pytest.raises(InputError, match="nothing is painted"):
        read_mask(tmp_path / "black.png")
    Image.new("L", (4, 5), 255).save(tmp_path / "long.png")
    with pytest.raises(InputError, match="4x5 pixels"):
        read_mask(tmp_path / "long.png")
