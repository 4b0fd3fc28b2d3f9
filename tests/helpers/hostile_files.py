"""A collection of files made to harm whoever opens them. `python tests/helpers/hostile_files.py FOLDER` opens
each one under limits, in a process of its own, and says what came of it."""

from __future__ import annotations

import codecs
import functools
import importlib
import io
import json
import operator
import os
import pickle
import pickletools
import resource
import signal
import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

SECONDS = 4  # of CPU time for each file: reading the longest takes about 1
MEMORY = 500 * 2**20  # bytes beyond what the libraries take
OWNED = "owned"  # what the files try to create in the working folder


class Calls:
    """Pickles as a call of `function` with `args`, then BUILD with `state` where given."""

    def __init__(self, function, *args, state=None):
        self.reduced = (function, args) if state is None else (function, args, state)

    def __reduce_ex__(self, protocol):
        return self.reduced


class _SetState:
    """A class of the attacker's own, which acts in __setstate__."""

    def __setstate__(self, state):
        os.system(state["command"])


def archive(pickled: bytes, *, name: str = "archive", **entries: bytes) -> bytes:
    """A PyTorch archive around a pickle; entries by name, after an underscore where they are numbers."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        made.writestr(f"{name}/data.pkl", pickled)
        for key, data in entries.items():
            made.writestr(f"{name}/data/{key.lstrip('_')}", data)
    return stream.getvalue()


def legacy(value: object) -> bytes:
    """PyTorch's older format, with a hostile object where the tensors' pickle goes."""
    parts = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, value, []]
    return b"".join(pickle.dumps(p, protocol=2) for p in parts)


def tensor(size=(4,), stride=(1,), offset=0, numel=4, key="0") -> bytes:
    """`data.pkl` of an archive with one tensor, as PyTorch writes it."""

    class Storage:
        pass

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            return ("storage", torch.FloatStorage, key, "cpu", numel) if value is Storage else None

    stream = io.BytesIO()
    rebuild = torch._utils._rebuild_tensor_v2
    Pickler(stream, protocol=2).dump(Calls(rebuild, Storage, offset, size, stride, False, {}))
    return stream.getvalue()


def persistent(source: str) -> bytes:
    """A module as nvlabs pickles it: with source code that the reference code runs when it is opened."""
    meta = {"type": "class", "version": 6, "module_src": source, "class_name": "Generator", "state": {}}
    plain = pickletools.optimize(pickle.dumps(meta, protocol=2))[2:-1]  # without header, memo and end
    call = b"ctorch_utils.persistence\n_reconstruct_persistent_obj\n" + plain + b"\x85R"
    return b"\x80\x02}X\x05\x00\x00\x00G_ema" + call + b"s."


def safetensors(header: object, body: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def calls() -> Iterator[tuple[str, object]]:
    """Gadgets: what calls, or leads to a call, when Python's own unpickler opens it."""
    touch = f"touch {OWNED}"
    write = f"open({OWNED!r}, 'w')"
    yield "os.system", Calls(os.system, touch)
    yield "os.popen", Calls(os.popen, touch)
    yield "eval", Calls(eval, write)
    yield "exec", Calls(exec, write)
    yield "open", Calls(open, OWNED, "w")
    yield "getattr", Calls(getattr, Calls(__import__, "os"), "system")
    yield "__import__", Calls(__import__, "os")
    yield "compile", Calls(compile, write, "x", "exec")
    yield "subprocess.Popen", Calls(subprocess.Popen, ["touch", OWNED])
    yield "subprocess.run", Calls(subprocess.run, ["touch", OWNED])
    yield "importlib", Calls(importlib.import_module, "os")
    yield "functools.partial", Calls(functools.partial, os.system, touch)
    yield "functools.reduce", Calls(functools.reduce, os.system, [touch])
    yield "attrgetter", Calls(operator.attrgetter, "__class__.__base__.__subclasses__")
    yield "attrgetter-chain", Calls(operator.methodcaller, "__call__", Calls(operator.attrgetter, "system"))
    yield "map", Calls(map, os.system, [touch])
    yield "torch.load", Calls(torch.load, "other.pt")
    yield "torch.hub", Calls(torch.hub.load, "attacker/repository", "model")
    yield "torch.jit", Calls(torch.jit.load, "other.pt")
    yield "torch-from-bytes", Calls(torch.storage._load_from_bytes, pickle.dumps(Calls(os.system, touch)))
    yield "numpy.load", Calls(np.load, "other.npy")
    yield "pickle.loads", Calls(pickle.loads, pickle.dumps(Calls(os.system, touch)))
    yield "codecs.decode", Calls(codecs.decode, b"x\x9c", "zlib")
    yield "codecs.encode", Calls(codecs.encode, "text", "rot13")
    yield "setstate", Calls(_SetState, state={"command": touch})
    yield "defaults", Calls(torch._utils._rebuild_tensor_v2, state={"__defaults__": (touch,)})
    yield "class-state", Calls(type, "X", (), {"__del__": None})
    yield "mentioned", [os.system]


def collection() -> dict[str, bytes]:
    """Every file by name."""
    files = {}
    for name, value in calls():
        files[f"{name}.pkl"] = pickle.dumps({"G_ema": value}, protocol=4)
        files[f"{name}.zip.pt"] = archive(pickle.dumps({"state_dict": value}, protocol=2))
        files[f"{name}.old.pt"] = legacy(value)
    files |= _structures() | _tensors() | _headers()
    return files


def _structures() -> dict[str, bytes]:
    deep = 200_000
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("archive/data.pkl", tensor((10**8,), numel=10**8))
        made.writestr("archive/data/0", bytes(10**8))
    act = f"import os; os.system('touch {OWNED}')"
    laughs = b"\x80\x02]q\x00" + b"".join(b"](" + b"h%c" % i * 10 + b"eq%c" % (i + 1) for i in range(60))
    return {
        "persistent.pkl": persistent(act),
        "persistent.zip.pt": archive(persistent(act)),
        "extension.pkl": b"\x80\x02\x82\x01.",
        "buffer.pkl": b"\x80\x05\x97.",
        "inst.pkl": b"(S'x'\nios\nsystem\n.",
        "deep-list.pkl": b"\x80\x02" + b"]" * deep + b"a" * (deep - 1) + b".",
        "deep-tuple.pkl": b"\x80\x02)" + b"\x85" * deep + b".",
        "deep-key.pkl": b"\x80\x02})" + b"\x85" * deep + b"K\x01s.",
        "deep-dict.pkl": b"\x80\x02}" + b"K\x01}" * (deep // 2) + b"s" * (deep // 2) + b".",
        "billion-laughs.pkl": laughs + b".",
        "steps.pkl": b"\x80\x02" + b"N0" * 600_000 + b"N.",
        "huge-bytes.pkl": b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"x.",
        "huge-number.pkl": b"\x80\x04\x8b" + struct.pack("<i", 2**31 - 1) + b"x.",
        "huge-text-number.pkl": b"(I" + b"9" * 1_000_000 + b"\nt.",
        "bomb.zip.pt": bomb.getvalue(),
        "traversal.zip.pt": archive(tensor(key="../../../etc/passwd"), name="..", _0=bytes(16)),
        "absolute.zip.pt": archive(tensor(key="/etc/passwd"), name="archive", _0=bytes(16)),
    }


def _tensors() -> dict[str, bytes]:
    claims = {
        "huge-shape": {"size": (10**9,)},
        "huge-square": {"size": (10**6, 10**6), "stride": (0, 0)},
        "overflow": {"size": (2**62, 4)},
        "negative-size": {"size": (-1,)},
        "negative-stride": {"stride": (-1,)},
        "negative-offset": {"offset": -1},
        "negative-numel": {"numel": -1},
        "out-of-range": {"offset": 3},
        "overlapping": {"size": (4, 4), "stride": (0, 1)},
        "huge-storage": {"numel": 2**40},
        "many-axes": {"size": (1,) * 100_000, "stride": (1,) * 100_000},
    }
    return {f"tensor-{n}.pt": archive(tensor(**claim), _0=bytes(16)) for n, claim in claims.items()}


def _headers() -> dict[str, bytes]:
    one = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
    headers: dict[str, tuple] = {
        "long": ({"a": one}, bytes(16), 2**60),
        "past-the-end": ({"a": {**one, "shape": [400], "data_offsets": [0, 1600]}}, bytes(16)),
        "false-shape": ({"a": {**one, "shape": [10**9]}}, bytes(16)),
        "negative-shape": ({"a": {**one, "shape": [-4]}}, bytes(16)),
        "overlap": ({"a": one, "b": one}, bytes(16)),
        "gap": ({"a": {**one, "data_offsets": [16, 32]}}, bytes(32)),
        "type": ({"a": {**one, "dtype": "OBJECT"}}, bytes(16)),
        "list": ([one], bytes(16)),
        "deep": (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", b""),
        "twice": (b'{"a":1,"a":2}', b""),
    }
    return {f"header-{n}.safetensors": safetensors(*args) for n, args in headers.items()}


def _open_all(folder: Path) -> None:
    """Print a line of JSON for each file: its name, and the class and text of the error, or "opened"."""
    import ganedit
    from ganedit.store.foreign import supported

    supported()  # the readers are imported before memory is measured
    # A hard limit alone would not do: running into it raises MemoryError, which counts as damage.
    before = _peak()
    resource.setrlimit(resource.RLIMIT_AS, (2**36, resource.RLIM_INFINITY))

    def late(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGPROF, late)
    for path in sorted(folder.iterdir()):
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            ganedit.load(path, device="cpu")
            outcome = "opened"
        except BaseException as error:  # whatever it is, it is reported
            outcome = f"{type(error).__name__}: {error}"
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        if _peak() - before > MEMORY:
            outcome = f"took {(_peak() - before) / 2**20:.0f} MB"
        print(json.dumps([path.name, outcome]), flush=True)
    print(f"{(_peak() - before) / 2**20:.0f} MB at most", file=sys.stderr)


def _peak() -> int:
    """The most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    _open_all(Path(sys.argv[1]))
