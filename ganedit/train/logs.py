"""Logs of a run: TensorBoard, `log.jsonl`, sample pictures."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from ganedit.files import atomic_path
from ganedit.images.tensors import to_levels
from ganedit.train.run import Run


@dataclass
class Report:
    """Report from the loop to its caller.

    Attributes:
        images: Images seen.
        total: Images after which the run is complete.
        images_per_second: Speed since the last report.
        seconds_left: Time until `total` is reached or `minutes` are over.
        stats: Means of the losses since the last report.
    """

    images: int
    total: int
    images_per_second: float
    seconds_left: float
    stats: dict[str, float]


class Log:
    """TensorBoard scalars and pictures, `log.jsonl`, and the caller's progress bar.

    Statistics are averaged on the device and fetched once per report, so that a GPU does not have to wait.
    """

    EVERY_SECONDS = 5.0

    def __init__(self, out: Path, run: Run) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self.out, self.run = out, run
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}
        self.since, self.since_images = time.monotonic(), run.images_seen
        if run.step == 0:  # delete the log of an earlier run in this folder
            for path in (out / "log.jsonl", *out.glob("samples-*k.png")):
                path.unlink(missing_ok=True)
        self.board: Any = None
        with suppress(ImportError):  # tensorboard is in the `train` extra
            from torch.utils.tensorboard import SummaryWriter

            self.board = SummaryWriter(str(out / "tensorboard"))

    def step(
        self,
        stats: dict[str, Tensor],
        measured: dict[str, float],
        total_steps: int,
        on_report: Callable[[Report], None] | None,
        force: bool,
        most_seconds: float = math.inf,
    ) -> None:
        """Add a step, and report every few seconds, or now with `force`; the run ends in at most
        `most_seconds`."""
        for name, value in stats.items():
            value = value.detach().float()
            self.sums[name] = self.sums[name] + value if name in self.sums else value
            self.counts[name] = self.counts.get(name, 0) + 1
        now = time.monotonic()
        if not force and now - self.since < self.EVERY_SECONDS:
            return
        images, total = self.run.images_seen, total_steps * self.run.options.batch
        rate = (images - self.since_images) / max(now - self.since, 1e-9)
        means = {name: float(summed) / self.counts[name] for name, summed in self.sums.items()}
        means |= measured
        left = max(min((total - images) / max(rate, 1e-9), most_seconds), 0.0)
        report = Report(images, total, rate, left, means)
        self.sums, self.counts, self.since, self.since_images = {}, {}, now, images
        with (self.out / "log.jsonl").open("a") as stream:
            stream.write(json.dumps({"images": images, "images_per_second": round(rate, 2), **means}) + "\n")
        if self.board:
            for name, mean in {**means, "images_per_second": rate}.items():
                self.board.add_scalar(name, mean, images)
        if on_report:
            on_report(report)

    def close(self) -> None:
        if self.board:
            self.board.close()

    def picture(self, image: Tensor | None) -> None:
        if image is None:
            return
        from PIL import Image

        pixels = to_levels(image)
        with atomic_path(self.out / f"samples-{self.run.images_seen // 1000:06d}k.png") as path:
            Image.fromarray(pixels.permute(1, 2, 0).cpu().numpy()).save(path)
        if self.board:
            self.board.add_image("samples", pixels, self.run.images_seen)
            self.board.flush()
