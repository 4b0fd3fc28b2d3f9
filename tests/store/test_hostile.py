"""Files made to harm: nothing in them runs, each is refused with a sentence, none takes the machine down."""

from __future__ import annotations

import argparse
import collections
import contextlib
import functools
import io
import os
import pathlib
import pickle
import struct
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hostile_files import Calls, archive, legacy, tensor

import ganedit
from ganedit.errors import CheckpointError
from ganedit.store.formats.state_dicts import state_dict
from ganedit.store.pickles.unpickle import read_pickled

GOLDEN = Path(__file__).parents[1] / "golden" / "sg2ada-cond-32.pkl"


def refuse(tmp_path: Path, data: bytes, *said: str) -> CheckpointError:
    path = tmp_path / "hostile.pkl"
    path.write_bytes(data)
    with pytest.raises(CheckpointError) as caught:
        read_pickled(path)
    for words in ("hostile.pkl", *said):
        assert words in caught.value.message
    with pytest.raises(CheckpointError):
        ganedit.load(path, device="cpu")
    return caught.value


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("where", ["bare", "nested", "zip"])
@pytest.mark.parametrize(
    ("function", "args"),
    [
        (os.system, ("touch owned",)),
        (eval, ("open('owned', 'w')",)),
        (exec, ("open('owned', 'w')",)),
        (getattr, (1, "real")),
        (__import__, ("os",)),
        (open, ("owned", "w")),
        (subprocess.Popen, (["touch", "owned"],)),
        (functools.partial, (print, "x")),
        (torch.load, ("owned",)),
        (np.load, ("owned",)),
        (collections.deque, ([1],)),
        (pickle.loads, (b"",)),
    ],
    ids=lambda v: getattr(v, "__name__", ""),
)
def test_calls_are_refused_by_name(tmp_path, monkeypatch, protocol, where, function, args):
    monkeypatch.chdir(tmp_path)
    hostile = pickle.dumps({"G_ema": Calls(function, *args)}, protocol=protocol)
    if where == "nested":
        inner = legacy(Calls(function, *args))
        hostile = pickle.dumps(Calls(torch.storage._load_from_bytes, inner), protocol=max(protocol, 1))
    elif where == "zip":
        hostile = archive(hostile)
    name = function.__name__ if function is not os.system else "system"
    refuse(tmp_path, hostile, name, "not among the names")
    assert not (tmp_path / "owned").exists()


def test_a_mentioned_name_is_refused_without_a_call(tmp_path):
    refuse(tmp_path, pickle.dumps([os.system]), "system")


@pytest.mark.parametrize(
    "data",
    [b"\x80\x02c__builtin__\neval\n.", b"(S'x'\nios\nsystem\n.", b"\x80\x02\x82\x01.", b"\x80\x05\x97."],
    ids=["GLOBAL", "INST", "EXT1", "NEXT_BUFFER"],
)
def test_other_ways_to_a_name(tmp_path, data):
    refuse(tmp_path, data)


def test_state_cannot_be_set_on_allowed_names(tmp_path):
    """BUILD on a class or function would change this very process."""
    data = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}U\x0c__defaults__(tsb."
    refuse(tmp_path, data, "sets the state")


@pytest.mark.parametrize("sixteenth", range(16))
def test_truncated_anywhere(tmp_path, sixteenth):
    data = GOLDEN.read_bytes()
    refuse(tmp_path, data[: len(data) * sixteenth // 16])


def test_truncated_archive(tmp_path):
    stream = io.BytesIO()
    torch.save({"a": torch.randn(50, 50)}, stream)
    data = stream.getvalue()
    for sixteenth in range(1, 16):
        refuse(tmp_path, data[: len(data) * sixteenth // 16])


def test_flipped_bytes_never_escape_as_other_errors(tmp_path):
    """Damage may go unnoticed in the numbers; what is noticed is a CheckpointError."""
    data = GOLDEN.read_bytes()
    random = np.random.RandomState(0)
    path = tmp_path / "flipped.pkl"
    for _ in range(30):
        broken = bytearray(data)
        for at in random.randint(0, 40_000, size=8):
            broken[at] = random.randint(256)
        path.write_bytes(bytes(broken))
        with contextlib.suppress(CheckpointError):
            ganedit.load(path, device="cpu")


@pytest.mark.parametrize("opening", [b"]", b"(", b")\x85", b"}"], ids=["list", "mark", "tuple", "dict"])
def test_deep_nesting(tmp_path, opening):
    depth = 200_000
    closing = {b"]": b"a", b"(": b"t", b")\x85": b"", b"}": b""}[opening]
    if opening == b")\x85":
        body = b")" + b"\x85" * depth
    elif opening == b"}":
        body = b"}" + b"K\x01}" * depth + b"s" * depth
    else:
        body = opening * depth + closing * (depth - (opening == b"]"))
    path = tmp_path / "deep.pkl"
    path.write_bytes(b"\x80\x02" + body + b".")
    with pytest.raises(CheckpointError):
        ganedit.load(path, device="cpu")


def test_deep_key(tmp_path):
    """Hashing a deep tuple would overflow the C stack."""
    refuse(tmp_path, b"\x80\x02})" + b"\x85" * 300_000 + b"K\x01s.", "cannot be a key")


def test_endless_steps(tmp_path):
    refuse(tmp_path, b"\x80\x02" + b"N0" * 600_000 + b"N.", "steps")


def test_far_memo_index_costs_nothing(tmp_path):
    path = tmp_path / "memo.pkl"
    path.write_bytes(b"\x80\x02Nr\xff\xff\xff\xff.")
    assert read_pickled(path) is None


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"x.",
        b"\x80\x04B" + struct.pack("<I", 2**32 - 1) + b"x.",
        b"\x80\x04\x8b" + struct.pack("<i", 2**31 - 1) + b"x.",
    ],
    ids=["BINBYTES8", "BINBYTES", "LONG4"],
)
def test_claims_of_huge_values(tmp_path, data):
    refuse(tmp_path, data)


def test_a_true_tensor_is_read(tmp_path):
    path = tmp_path / "true.pt"
    path.write_bytes(archive(tensor((2, 2), (1, 2)), _0=np.arange(4, dtype="<f4").tobytes()))
    assert torch.equal(read_pickled(path), torch.tensor([[0.0, 2.0], [1.0, 3.0]]))


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ({"size": (10**9,)}, "does not fit"),
        ({"size": (10**6, 10**6), "stride": (0, 0)}, "does not fit"),
        ({"offset": 1}, "does not fit"),
        ({"stride": (2,)}, "does not fit"),
        ({"offset": -1}, "impossible shape"),
        ({"stride": (-1,)}, "impossible shape"),
        ({"size": (2, 2)}, "impossible shape"),
        ({"numel": 10**12}, "claims"),
        ({"numel": 5}, "claims"),
        ({"numel": -1}, "persistent id"),
        ({"key": "9"}, "9"),
        ({"key": "../../etc/passwd"}, "etc"),
        ({"size": ("4",)}, "impossible"),
    ],
    ids=str,
)
def test_tensors_must_lie_inside_their_storage(tmp_path, claim, said):
    refuse(tmp_path, archive(tensor(**claim), _0=bytes(16)), said)


def test_one_storage_cannot_become_a_thousand_tensors(tmp_path):
    stream = io.BytesIO()
    big = torch.zeros(100_000)
    torch.save([big.view(100_000 // n, n) for n in (1, 2, 4, 5, 8, 10, 16, 20, 25, 32) * 10], stream)
    path = tmp_path / "many.pt"
    path.write_bytes(stream.getvalue())
    with pytest.raises(CheckpointError, match="far more tensors"):
        read_pickled(path)


def test_zip_bomb(tmp_path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", tensor((10**8,), numel=10**8))
        archive.writestr("archive/data/0", bytes(10**8))
    refuse(tmp_path, stream.getvalue(), "more than its own size")


@pytest.mark.parametrize(
    "array",
    [
        np.array([object()], dtype=object),
        np.array([("a", 1)], dtype="U3,i4"),
        np.array(["2020"], dtype="M8[Y]"),
    ],
    ids=["object", "record", "date"],
)
def test_only_arrays_of_numbers(tmp_path, array):
    try:
        data = pickle.dumps(array)
    except (TypeError, AttributeError, pickle.PicklingError):
        data = pickle.dumps(np.array([None], dtype=object))
    refuse(tmp_path, data)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.arange(4, dtype=">i2"),
        np.zeros((0, 3), np.float32),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_true_arrays_are_read(tmp_path, array, protocol):
    path = tmp_path / "array.pkl"
    path.write_bytes(pickle.dumps({"a": array, "n": array.dtype.type(3)}, protocol=protocol))
    found = read_pickled(path)
    np.testing.assert_array_equal(found["a"], array)
    assert found["n"] == 3


@pytest.mark.parametrize("modern", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.bool])
def test_what_pytorch_saves_is_read(tmp_path, modern, dtype):
    base = torch.arange(24).to(dtype).reshape(4, 6)
    value = {
        "whole": base,
        "slice": base[1:3, ::2],
        "turned": base.t(),
        "scalar": base[0, 1],
        "parameter": torch.nn.Parameter(torch.ones(3)),
        "empty": torch.zeros(0),
        "number": 1.5,
    }
    path = tmp_path / "saved.pt"
    torch.save(value, path, _use_new_zipfile_serialization=modern)
    found = read_pickled(path)
    assert found.keys() == value.keys()
    for key in value.keys() - {"number"}:
        assert torch.equal(found[key], value[key]), key


def test_self_containing_values(tmp_path):
    value: dict = {}
    value["G_ema"] = [value]
    path = tmp_path / "loop.pkl"
    path.write_bytes(pickle.dumps(value))
    with pytest.raises(CheckpointError, match="of no kind"):
        ganedit.load(path, device="cpu")


def test_modules_pickled_whole(tmp_path):
    """Of known classes, they count as their tensors; the source code that comes with them is left alone."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Linear(2, 2))
    for modern in (True, False):
        path = tmp_path / f"whole-{modern}.pt"
        torch.save({"model": network}, path, _use_new_zipfile_serialization=modern)
        found = state_dict(read_pickled(path))
        assert found.keys() == network.state_dict().keys()
        assert all(torch.equal(found[k], v) for k, v in network.state_dict().items())


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("SinGAN.models GeneratorConcatSkip2CleanAdd", "ganedit train singan PHOTO"),
        ("mine.models Generator", "save the state_dict"),
        ("dnnlib.tflib.network Network", "for PyTorch"),
    ],
)
def test_foreign_classes_are_named_with_advice(tmp_path, name, advice):
    data = b"\x80\x02]c" + name.replace(" ", "\n").encode() + b"\n)\x81}ba."
    error = refuse(tmp_path, data, name.replace(" ", "."))
    assert advice in error.hint


def test_options_and_paths_become_plain_values(tmp_path):
    value = {
        "args": argparse.Namespace(size=256, path=pathlib.PurePosixPath("a/b"), device=torch.device("cpu")),
        "history": collections.defaultdict(list, {"loss": [1.0]}),
        "milestones": collections.Counter([3, 3, 5]),
        "type": torch.float16,
    }
    torch.save(value, tmp_path / "options.pt")
    found = read_pickled(tmp_path / "options.pt")
    assert found["args"].class_name == "Namespace"
    assert found["args"].state == {"size": 256, "path": "a/b", "device": "cpu"}
    assert (found["history"], found["milestones"]) == ({"loss": [1.0]}, {3: 2, 5: 1})


def test_torchscript_is_named(tmp_path):
    script = torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2))
    script.save(str(tmp_path / "script.pt"))
    refuse(tmp_path, (tmp_path / "script.pt").read_bytes(), "TorchScript")


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"<!DOCTYPE html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (b"\x93NUMPY\x01\x00v\x00", "direction import"),
        (b"\x89PNG\r\n\x1a\n", "PNG image"),
        (b"", "empty"),
        (b"hello", "it starts with b'hello'"),
    ],
)
def test_what_people_give_by_mistake_is_named(tmp_path, start, what):
    (tmp_path / "it.pth").write_bytes(start)
    with pytest.raises(CheckpointError, match=what):
        ganedit.load(tmp_path / "it.pth")
