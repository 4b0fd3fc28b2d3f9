"""Contact sheets and films."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ganedit.errors import InputError
from ganedit.images.sheet import sheet
from ganedit.images.video import write_video


def solid(level: int, height: int = 40, width: int = 40) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def test_sheet_holds_the_pictures_unscaled():
    out = sheet([solid(10), solid(60), solid(110)], columns=2, pad=4)
    assert out.shape == (4 + 40 + 4 + 40 + 4, 4 + 40 + 4 + 40 + 4, 3)
    assert (out[4:44, 4:44] == 10).all()
    assert (out[4:44, 48:88] == 60).all()
    assert (out[48:88, 4:44] == 110).all()
    assert (out[48:88, 48:88] > 240).all()  # nothing there


def test_sheet_has_room_for_labels_and_odd_sizes():
    plain = sheet([solid(0), solid(0, 20, 30)], columns=2)
    labelled = sheet(
        [solid(0), solid(0, 20, 30)],
        columns=2,
        row_labels=["Ann"],
        caption="a line",
        column_labels=["before", "a label far too long for its column"],
    )
    assert labelled.shape[0] > plain.shape[0]
    assert labelled.shape[1] > plain.shape[1]


@pytest.mark.parametrize("size", [(32, 48), (33, 47)])
@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_film_plays(tmp_path, size, suffix):
    path = write_video(tmp_path / f"x{suffix}", (solid(60 * i, *size) for i in range(4)), fps=10)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    if suffix == ".gif":
        with Image.open(path) as film:
            assert film.n_frames == 4
            assert film.size == size[::-1]
        return
    import av

    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        levels = [frame.to_ndarray(format="rgb24").mean() for frame in film.decode(video=0)]
        assert (stream.codec_context.pix_fmt, float(stream.average_rate)) == ("yuv420p", 10)
    np.testing.assert_allclose(levels, [0, 60, 120, 180], atol=4)


def test_bad_films(tmp_path):
    for name, frames in (("x.xyz", [solid(0)]), ("x.mp4", [])):
        with pytest.raises(InputError, match="cannot write"):
            write_video(tmp_path / name, frames)
    assert list(tmp_path.iterdir()) == []
