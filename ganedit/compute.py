"""Devices, number types and memory. Light to import."""

from __future__ import annotations

import ctypes
import logging
import os
import re
import sys
from functools import lru_cache
from typing import TYPE_CHECKING

from ganedit.errors import MissingError, UsageError

if TYPE_CHECKING:
    import torch

DTYPES = ("auto", "float32", "bfloat16", "float16")  # of activations; auto: float32, except most upscalers
TRAINING_DTYPES = DTYPES[:3]  # auto is bfloat16 if the processor supports it
LOG = logging.getLogger(__name__)
ENOUGH = 4 * 10**9  # bytes of address space; `ganedit generate` runs in 3.6
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # malloc.h of glibc


@lru_cache(maxsize=1)
def keep_freed_memory() -> bool:
    """Let glibc keep freed activations instead of returning them to the kernel.

    By default every large tensor is a new mapping whose pages are faulted in one by one; training a 64-px
    generator on two cores was measured to be 2.7 times as fast without that. Returns whether it took effect.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False  # not glibc
    return bool(mallopt(M_MMAP_MAX, 0) and mallopt(M_TRIM_THRESHOLD, 2**31 - 1))


def free_memory() -> int:
    """Main memory in bytes that is available without swapping; all memory if the system does not tell."""
    try:
        with open("/proc/meminfo") as lines:
            available = next(line for line in lines if line.startswith("MemAvailable:"))
        return int(available.split()[1]) * 1024
    except (OSError, StopIteration):
        pages: int = os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 2**21
        return pages * (os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096)


@lru_cache(maxsize=1)
def warn_of_memory_limit() -> None:
    """Warn if a limit of the shell (ulimit -v) leaves less memory than PyTorch takes with a small model.

    Libraries in C++ end the process when an allocation fails, without an exception that could be caught.
    """
    if sys.platform == "win32":
        return
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if 0 <= limit < ENOUGH:
        LOG.warning(
            "memory is limited to %.1f GB (ulimit -v); models may need more, and the program may be aborted",
            limit / 1e9,
        )


def memory_of(device: torch.device) -> int:
    """Free memory on a device in bytes."""
    import torch

    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else free_memory()


def has_room_for(device: torch.device, size: int) -> bool:
    """Whether a size in bytes is less than a quarter of a device's memory."""
    import torch

    total = torch.cuda.mem_get_info(device)[1] if device.type == "cuda" else free_memory()
    return size < total // 4


def is_device(name: str) -> bool:
    """Whether this is the name of a device: auto, cpu, cuda, cuda:N."""
    return re.fullmatch(r"auto|cpu|cuda(:\d+)?", name) is not None


_worker: int | None = None  # the number of this process among several


def share_gpus(worker: int) -> None:
    """Let "auto" and "cuda" mean a GPU of its own for each of several processes on a machine, as far as there
    are that many: `worker` is the number of this one."""
    global _worker
    _worker = worker


def find_device(name: str) -> torch.device:
    """The device "auto" (a GPU if there is one), "cpu", "cuda" or "cuda:N".

    Raises:
        UsageError: no device has this name.
        MissingError: this machine does not have the device.
    """
    import torch

    warn_of_memory_limit()
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and _worker is not None and torch.cuda.device_count() > 1:
        return torch.device("cuda", _worker % torch.cuda.device_count())
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"{name} is not a device", "choose auto, cpu, cuda or cuda:N") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise MissingError(
            f"there is no device {name}: PyTorch sees {torch.cuda.device_count()} GPUs",
            "use `device=cpu`; ganedit doctor shows more",
        )
    return device


def find_dtype(name: str, device: torch.device) -> torch.dtype:
    """The type of activations for one of `DTYPES` on a device.

    Raises:
        UsageError: it is not one of them, or float16 on a CPU.
    """
    import torch

    if name not in DTYPES:
        raise UsageError(f"{name} is not a number format", f"choose {', '.join(DTYPES)}")
    if name == "float16" and device.type == "cpu":  # emulated: a projection took 3 minutes instead of 10 s
        raise UsageError("float16 is for GPUs", "choose bfloat16 or float32 on a CPU")
    dtype: torch.dtype = getattr(torch, "float32" if name == "auto" else name)
    return dtype


def training_dtype(name: str, device: torch.device) -> torch.dtype:
    """The type of activations for one of `TRAINING_DTYPES` in training on a device."""
    import torch

    if name != "auto":
        return find_dtype(name, device)
    return torch.bfloat16 if has_bfloat16(device) else torch.float32


def has_bfloat16(device: torch.device) -> bool:
    """Whether a device computes in bfloat16 itself; others emulate it, many times slower."""
    import torch

    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def autocast(device: torch.device, dtype: torch.dtype) -> torch.autocast:
    """Context with activations in `dtype` by the rules of torch.autocast; no effect for float32."""
    import torch

    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)
