"""Tiles and the picture in one piece must be the same wherever the receptive field allows it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ganedit.errors import UsageError
from ganedit.images.tiles import ALWAYS_WHOLE, activation_bytes, check_tile, choose_tile, spans, tiled


def put_together(run, x: Tensor, tile: int, scale: int = 1, **options) -> Tensor:
    def cut(rows: slice, columns: slice) -> Tensor:
        return x[:, :, rows, columns]

    bands = list(tiled(run, cut, x.shape[2:], tile, scale=scale, **options))
    assert [top for top, _ in bands] == [sum(b.shape[2] for _, b in bands[:i]) for i in range(len(bands))]
    return torch.cat([band for _, band in bands], dim=2)


@pytest.mark.parametrize(("length", "tile"), [(64, 200), (500, 200), (501, 128), (1000, 130), (333, 331)])
@pytest.mark.parametrize(("multiple", "context", "ramp"), [(1, 24, 8), (4, 10, 1), (32, 16, 16)])
@pytest.mark.parametrize("scale", [1, 3])
def test_weights_sum_to_one(length, tile, multiple, context, ramp, scale):
    total = torch.zeros(length * scale, dtype=torch.float64)
    cuts = spans(length, tile, multiple=multiple, context=context, ramp=ramp)
    for span in cuts:
        start, weights = span.weights(scale, torch.device("cpu"))
        total[start : start + len(weights)] += weights.double()
        assert span.start % multiple == 0
        # What counts is at least `context` away from each cut.
        assert span.start == 0 or start >= (span.start + context) * scale
        assert span.stop == length or start + len(weights) <= (span.stop - context) * scale
    assert (total - 1).abs().max() < 1e-6
    assert cuts[-1].stop == length


class Small(nn.Module):
    """Receptive field of 2 + 3·2 pixels to each side; doubles the size."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 5, padding=2)
        self.body = nn.ModuleList(nn.Conv2d(8, 8, 5, padding=2) for _ in range(3))
        self.up = nn.Conv2d(8, 12, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).relu()
        for layer in self.body:
            x = x + layer(x).relu()
        return nn.functional.pixel_shuffle(self.up(x), 2).sigmoid()


@pytest.mark.parametrize("size", [(200, 300), (301, 97), (20, 400)])
def test_tiles_agree_with_the_whole(size):
    torch.manual_seed(0)
    network, x = Small().eval(), torch.rand(1, 3, *size)
    with torch.no_grad():
        whole = network(x)
        parts = put_together(network, x, 64, scale=2, context=8, ramp=4)
        rough = put_together(network, x, 64, scale=2, context=0, ramp=4)
    assert (parts - whole).abs().max() < 1e-5
    assert (rough - whole).abs().max() > 1 / 255  # the test can tell


def test_tiles_agree_with_the_whole_where_strides_are_taken():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 8, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(8, 8, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(8, 3, 4, stride=2, padding=1),
    ).eval()
    x = torch.rand(1, 3, 260, 180)
    with torch.no_grad():
        assert (put_together(network, x, 72, multiple=4) - network(x)).abs().max() < 1e-5


def test_a_picture_in_one_piece_is_left_alone():
    x = torch.rand(1, 3, 40, 50)
    assert torch.equal(put_together(lambda t: t, x, 0), x)
    assert torch.equal(put_together(lambda t: t, x, 128), x)


def test_every_tile_is_counted():
    seen = []
    x = torch.rand(1, 3, 300, 200)
    put_together(lambda t: t, x, 128, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(i + 1, len(seen)) for i in range(len(seen))]
    assert len(seen) > 4


def test_tiles_follow_the_free_memory(monkeypatch):
    network = Small().eval()
    choose = lambda size, whole: choose_tile(  # noqa: E731
        network, network, lambda: torch.rand(1, 3, 32, 32), size, whole=whole
    )
    need = activation_bytes(network, network, torch.rand(1, 3, 32, 32))
    assert need == 2 * (8 + 12) * 4  # bytes of input and output of the widest layer, twice
    side = ALWAYS_WHOLE  # a picture of 1 x side pixels and more
    assert choose((1, side), False) == 0
    monkeypatch.setattr("ganedit.images.tiles.memory_of", lambda device: 4 * need * 400 * 400)
    assert choose((2000, 2000), False) == 400
    assert choose((2000, 2000), True) == 560  # half of the memory instead of a quarter
    assert choose((400, 800), True) == 0


def test_impossible_tiles_are_refused():
    for fine in (None, 0, 128, 4000):
        check_tile(fine)
    for wrong in (-1, 1, 127):
        with pytest.raises(UsageError, match="`tile="):
            check_tile(wrong)


def test_networks_that_look_far_need_larger_tiles():
    check_tile(480, context=112)
    with pytest.raises(UsageError, match="`tile=479` must be at least 480 for esrgan, or 0 for no tiles"):
        check_tile(479, 112, "esrgan")
