"""The one training loop. A recipe brings its networks, its losses and its step; everything else is here.

Lightning Fabric places the work on a CPU, a GPU or several (`torchrun`, SLURM). Gradients are averaged over
processes by `Run.minimise` rather than by a wrapper around each network, because GAN steps call parts of
networks, several times, with second derivatives.

Nothing random outlives a step: every step is seeded from (seed, step, rank), and the data order is a
function of the same numbers. A checkpoint is therefore complete with the networks, the optimisers, a few
numbers and the step, and `--resume` continues bit for bit on the same machine.
"""

from __future__ import annotations

import json
import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from lightning.fabric import Fabric
from torch import Tensor, nn

from ganedit.compute import keep_freed_memory
from ganedit.errors import CheckpointError, GaneditError, InputError, UsageError
from ganedit.files import atomic_path
from ganedit.train.data import ImageSet, crop_rng, fetch, index_batch, load_images, mirror_batch
from ganedit.train.loop_options import LoopOptions
from ganedit.train.pictures import Pictures

if TYPE_CHECKING:
    from ganedit.train.sounds import Sounds  # brings librosa, which training on pictures does without

Note = Callable[[str], None]  # tells the user something
OnLoad = Callable[[int, int], None]  # images decoded, images in all
CHECKPOINT = "checkpoint.safetensors"
OPTIONS = "options.json"
SKIPPED_NAMED = 5  # damaged images that are named one by one


@dataclass
class Report:
    """What the loop tells its caller now and then."""

    images: int
    total: int
    images_per_second: float
    seconds_left: float
    stats: dict[str, float]


class Recipe(ABC):
    """Networks, optimisers, and one step. Everything in `networks` and `optimizers` is checkpointed."""

    networks: dict[str, nn.Module]
    optimizers: dict[str, torch.optim.Optimizer]

    @abstractmethod
    def step(self, run: Run) -> dict[str, Tensor]:
        """One optimiser step of every player; returns scalars, still on the device."""

    def state(self) -> dict[str, Any]:
        """Further numbers to checkpoint, as JSON takes them."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:  # noqa: B027
        """Take back what `state` gave."""

    def samples(self) -> Tensor | None:
        """A picture of progress, [3, H, W] in [-1, 1], or None."""
        return None

    def evaluate(self) -> dict[str, float]:
        """What is measured on pictures kept out of training, by name; logged with the samples."""
        return {}

    def export(self, folder: Path, images: int) -> None:  # noqa: B027
        """Write what users load, with its card, into `folder`."""


@dataclass
class Run:
    """Where a step takes place: device, data, gradients."""

    fabric: Fabric
    options: LoopOptions
    step: int = 0
    _sets: dict[int, Tensor] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        return self.fabric.device

    @property
    def images_seen(self) -> int:
        return self.step * self.options.batch

    @property
    def progress(self) -> float:
        """Share of the run that lies behind this step, 0 to 1."""
        return min(self.images_seen / (self.options.kimg * 1000), 1.0)

    @property
    def micro_batch(self) -> int:
        """Images per piece and device."""
        return self.options.batch // (self.options.devices * self.options.accumulate)

    def draw(self, data: ImageSet, *, mirror: bool, stream: int = 0) -> list[tuple[Tensor, Tensor | None]]:
        """This step's real images [N, C, H, W] in [-1, 1] and labels, one pair per accumulated piece.

        `stream` tells apart data sets that are drawn independently in the same step.
        """
        pixels = self._on_device(data.images)
        pieces, share, where = self._share(stream)
        rows = index_batch(len(data), share, *where)
        flips = mirror_batch(share, *where) if mirror else torch.zeros(share, dtype=torch.bool)
        found: list[tuple[Tensor, Tensor | None]] = []
        for idx, flip in zip(rows.chunk(pieces), flips.chunk(pieces), strict=True):
            images = fetch(pixels, idx, flip)
            labels = None if data.labels is None else data.labels[idx].to(self.device)
            if labels is not None and data.class_names:
                labels = F.one_hot(labels, data.num_classes).float()
            found.append((images, labels))
        return found

    def draw_crops(
        self, data: Pictures, size: int, *, mirror: bool, turn: bool = False, stream: int = 0
    ) -> list[list[Tensor]]:
        """This step's random crops, one [N, 3, S, S] in [-1, 1] per layer of `data`, for each piece.

        See `Pictures.crops`; `stream` as for `draw`.
        """
        pieces, share, where = self._share(stream)
        rows = index_batch(len(data), share, *where)
        rng = crop_rng(*where)
        return [
            [
                layer.to(self.device)
                for layer in data.crops(piece.tolist(), size, rng, mirror=mirror, turn=turn)
            ]
            for piece in rows.chunk(pieces)
        ]

    def draw_windows(
        self, data: Sounds, frames: int, *, gain: float = 0.0, stream: int = 0
    ) -> list[tuple[Tensor, Tensor]]:
        """This step's random windows of sounds, spectrograms [N, 1, bins, F] and samples, for each piece.

        See `Sounds.windows`; `stream` as for `draw`.
        """
        pieces, share, where = self._share(stream)
        rows = index_batch(len(data), share, *where)
        rng = crop_rng(*where)
        drawn = (data.windows(piece.tolist(), frames, rng, gain) for piece in rows.chunk(pieces))
        return [(pictures.to(self.device), waves.to(self.device)) for pictures, waves in drawn]

    def _share(self, stream: int) -> tuple[int, int, tuple[int, int, int, int]]:
        """Pieces, images of this process in one step, and what its order of images follows from."""
        where = (self.step, self.options.seed + stream, self.fabric.global_rank, self.fabric.world_size)
        return self.options.accumulate, self.micro_batch * self.options.accumulate, where

    def _on_device(self, images: Tensor) -> Tensor:
        """The decoded set, on a GPU when it takes less than a quarter of it."""
        if self.device.type != "cuda":
            return images
        if id(images) not in self._sets:
            fits = images.numel() < torch.cuda.mem_get_info(self.device)[1] // 4
            self._sets[id(images)] = images.to(self.device) if fits else images
        return self._sets[id(images)]

    def minimise(
        self,
        optimizer: torch.optim.Optimizer,
        losses: Iterator[Tensor] | Sequence[Tensor],
        *,
        clip: float | None = None,
    ) -> Tensor:
        """One optimiser step on the mean of `losses`, one per accumulated piece, over all devices.

        `losses` may be a generator: each piece is back-propagated before the next is computed. Gradients
        together longer than `clip` are shortened to that.
        """
        optimizer.zero_grad(set_to_none=True)
        total = torch.zeros((), device=self.device)
        for loss in losses:
            (loss / self.options.accumulate).backward()
            total += loss.detach() / self.options.accumulate
        parameters = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        self._average_gradients(parameters)
        if clip is not None:
            nn.utils.clip_grad_norm_(parameters, clip)
        optimizer.step()
        return total

    def _average_gradients(self, parameters: list[nn.Parameter]) -> None:
        if self.fabric.world_size == 1:
            return
        flat = torch.cat([p.grad.flatten() for p in parameters if p.grad is not None])
        flat = self.fabric.all_reduce(flat, reduce_op="mean")  # type: ignore[assignment]
        at = 0
        for p in parameters:
            p.grad = flat[at : at + p.numel()].view_as(p)
            at += p.numel()


def load_set(options: LoopOptions, note: Note, on_load: OnLoad | None, **how: Any) -> ImageSet:
    """The one data set of a recipe, by `train.data.load_images`; skipped files are named."""
    if len(options.data) != 1:
        raise UsageError(f"this recipe takes one folder or zip of images, not {len(options.data)}")
    data = load_images(Path(options.data[0]), limit=options.limit or None, progress=on_load, **how)
    note_skipped(data.skipped, note)
    return data


def note_skipped(skipped: Sequence[tuple[str, str]], note: Note) -> None:
    """Name the files that could not be decoded."""
    for name, reason in skipped[:SKIPPED_NAMED]:
        note(f"skipped {name}: {reason}")
    if len(skipped) > SKIPPED_NAMED:
        note(f"skipped {len(skipped) - SKIPPED_NAMED} more")


def activation_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The activations' type for `precision`; "auto" takes bfloat16 where the processor computes in it."""
    if precision == "auto":
        if device.type == "cuda":
            native = torch.cuda.is_bf16_supported(including_emulation=False)
        else:
            native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        return torch.bfloat16 if native else torch.float32
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]


def autocast(device: torch.device, dtype: torch.dtype) -> torch.autocast:
    """Activations in `dtype`, by the rules of torch.autocast; nothing at all for float32."""
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)


def set_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """The learning rate from now on."""
    for group in optimizer.param_groups:
        group["lr"] = lr


def start_fabric(device: str, devices: int) -> Fabric:
    """Fabric on "auto", "cpu", "cuda" or "cuda:N", launched."""
    keep_freed_memory()
    kind, _, index = device.partition(":")
    if kind == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda, but no CUDA GPU is available here", "drop it to train on the CPU")
    fabric = Fabric(accelerator=kind, devices=[int(index)] if index else devices)
    fabric.launch()
    if fabric.device.type == "cuda":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
    return fabric


def train(
    recipe: Recipe,
    run: Run,
    out: Path,
    *,
    on_report: Callable[[Report], None] | None = None,
) -> None:
    """Train until `kimg` or `minutes`, writing checkpoints, sample grids and logs into `out`.

    A run that goes on has been given its checkpoint by `load_checkpoint` before.

    Ctrl-C finishes the step, saves, and raises KeyboardInterrupt.
    """
    options, fabric = run.options, run.fabric
    for network in recipe.networks.values():
        network.to(fabric.device)
    log = _Log(out, run) if fabric.is_global_zero else None
    total_steps = max(round(options.kimg * 1000 / options.batch), 1)
    started = time.monotonic()
    with _postponed_interrupt() as interrupted:
        while run.step < total_steps:
            torch.manual_seed(_step_seed(options.seed, run.step, fabric.global_rank))
            stats = recipe.step(run)
            run.step += 1
            stop = interrupted.is_set or _out_of_time(options, started)
            done = run.step == total_steps or _any_process(fabric, stop)
            look = done or _crossed(run, options.sample_kimg)
            if log:
                measured = recipe.evaluate() if look else {}
                log.step(stats, measured, total_steps, on_report, force=look)
            if log and look:
                log.picture(recipe.samples())
            if done or _crossed(run, options.snapshot_kimg):
                _refuse_nan(stats, run)
                if fabric.is_global_zero:
                    save_checkpoint(recipe, run, out)
                    recipe.export(out / "model", run.images_seen)
            if done:
                break
    if log:
        log.close()
    if interrupted.is_set:
        raise KeyboardInterrupt


def _any_process(fabric: Fabric, stop: bool) -> bool:
    """Whether one process wants to stop: all have to do so after the same step, or they would wait for it."""
    if fabric.world_size == 1:
        return stop
    wishes = torch.tensor(float(stop), device=fabric.device)
    return float(torch.as_tensor(fabric.all_reduce(wishes, reduce_op="sum"))) > 0


def _refuse_nan(stats: dict[str, Tensor], run: Run) -> None:
    """A diverged run must not overwrite its last good checkpoint."""
    bad = [name for name, value in stats.items() if not bool(torch.isfinite(value))]
    if bad:
        raise GaneditError(
            f"training diverged at {run.images_seen / 1000:.1f} kimg: {', '.join(bad)} is not finite",
            "resume from the last checkpoint with a lower --lr or --dtype float32",
        )


def _crossed(run: Run, kimg: float) -> bool:
    """Whether the last step passed a multiple of `kimg` thousand images."""
    every = max(kimg * 1000, 1)
    return run.images_seen // every != (run.images_seen - run.options.batch) // every


def _out_of_time(options: LoopOptions, started: float) -> bool:
    return bool(options.minutes) and time.monotonic() - started > options.minutes * 60


def _step_seed(seed: int, step: int, rank: int) -> int:
    return (seed * 1_000_003 + step) * 4096 + rank


class _Flag:
    is_set = False


@contextmanager
def _postponed_interrupt() -> Iterator[_Flag]:
    """Turn Ctrl-C and SIGTERM into a flag while the block runs; a second Ctrl-C interrupts at once."""
    flag = _Flag()

    def handler(number: int, frame: Any) -> None:
        if flag.is_set:
            raise KeyboardInterrupt
        flag.is_set = True

    replaced: dict[int, Any] = {}
    with suppress(ValueError):  # not the main thread: signals stay as they are
        for caught in (signal.SIGINT, signal.SIGTERM):
            replaced[caught] = signal.signal(caught, handler)
    try:
        yield flag
    finally:
        for number, before in replaced.items():
            signal.signal(number, before)


class _Log:
    """TensorBoard scalars and pictures, `log.jsonl`, and the caller's progress bar.

    Statistics are averaged on the device and fetched once per report, so that a GPU is not held up.
    """

    EVERY_SECONDS = 5.0

    def __init__(self, out: Path, run: Run) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self.out, self.run = out, run
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}
        self.since, self.since_images = time.monotonic(), run.images_seen
        if run.step == 0:  # of an earlier run in this folder
            (out / "log.jsonl").unlink(missing_ok=True)
        self.board: Any = None
        with suppress(ImportError):  # the `train` extra brings tensorboard
            from torch.utils.tensorboard import SummaryWriter

            self.board = SummaryWriter(str(out / "tensorboard"))

    def step(
        self,
        stats: dict[str, Tensor],
        measured: dict[str, float],
        total_steps: int,
        on_report: Callable[[Report], None] | None,
        force: bool,
    ) -> None:
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
        report = Report(images, total, rate, (total - images) / max(rate, 1e-9), means)
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

        pixels = ((image.clamp(-1, 1) + 1) * 127.5).round().byte()
        with atomic_path(self.out / f"samples-{self.run.images_seen // 1000:06d}k.png") as path:
            Image.fromarray(pixels.permute(1, 2, 0).cpu().numpy()).save(path)
        if self.board:
            self.board.add_image("samples", pixels, self.run.images_seen)
            self.board.flush()


# --- checkpoints -----------------------------------------------------------------------------------


def save_checkpoint(recipe: Recipe, run: Run, out: Path) -> None:
    """Everything needed to go on, as one safetensors file that replaces the last one when complete."""
    from safetensors.torch import save_file

    tensors: dict[str, Tensor] = {}
    for name, network in recipe.networks.items():
        for key, value in network.state_dict().items():
            tensors[f"network.{name}.{key}"] = value
    for name, optimizer in recipe.optimizers.items():
        for index, slots in optimizer.state_dict()["state"].items():
            for slot, value in slots.items():
                tensors[f"optimizer.{name}.{index}.{slot}"] = torch.as_tensor(value)
    state = {"step": run.step, "recipe": recipe.state()}
    tensors = {key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}
    with atomic_path(out / CHECKPOINT) as path:
        save_file(tensors, path, {"ganedit-checkpoint": json.dumps(state)})


def load_checkpoint(recipe: Recipe, run: Run, out: Path) -> None:
    """Take back what `save_checkpoint` wrote. Raises CheckpointError when it does not fit the recipe."""
    from safetensors import SafetensorError, safe_open

    path = out / CHECKPOINT
    if not path.is_file():
        raise InputError(f"{out} holds no {CHECKPOINT} to resume from", "start without --resume")
    try:
        with safe_open(path, "pt") as file:
            state = json.loads((file.metadata() or {})["ganedit-checkpoint"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        for name, network in recipe.networks.items():
            network.load_state_dict(_below(tensors, f"network.{name}."))
        for name, optimizer in recipe.optimizers.items():
            _load_optimizer(optimizer, _below(tensors, f"optimizer.{name}."))
        recipe.load_state(state["recipe"])
        run.step = int(state["step"])
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"{path} does not fit this run: {reason}", "start a new run folder") from error


def _load_optimizer(optimizer: torch.optim.Optimizer, flat: dict[str, Tensor]) -> None:
    """Slots are numbered as the optimiser numbers its parameters."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in flat.items():
        index, slot = key.split(".", 1)
        state.setdefault(int(index), {})[slot] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}


def save_options(options: LoopOptions, out: Path, **more: Any) -> None:
    """The resolved options beside the run, for people and for `--resume`."""
    out.mkdir(parents=True, exist_ok=True)
    with atomic_path(out / OPTIONS) as path:
        path.write_text(json.dumps({**more, **asdict(options)}, indent=2, default=os.fspath) + "\n")


def read_options(out: Path) -> dict[str, Any]:
    """What `save_options` wrote."""
    try:
        values = json.loads((out / OPTIONS).read_text())
        if not {"data", "recipe"} <= set(values):
            raise ValueError("it names no data")
        return values
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"{out} is not a training run: no readable {OPTIONS}", "name the folder of one, or drop --resume"
        ) from error
