"""Networks of NCNN: what its runtime computes from our files, round trips, and damaged files."""

from __future__ import annotations

import struct
from dataclasses import asdict, replace

import pytest
import torch
from reference import assert_golden, reference_file
from safetensors.torch import load_file

import ganedit
from ganedit.errors import CheckpointError, GaneditError
from ganedit.nets.rrdb import RRDBConfig, RRDBNet
from ganedit.nets.srvgg import SRVGGConfig, SRVGGNet
from ganedit.store import ncnn
from ganedit.store.foreign import open_foreign
from ganedit.store.formats import compact, esrgan
from ganedit.store.formats.ncnn import graph_of, read

NETWORKS = {
    "rrdb": (RRDBNet, RRDBConfig(width=8, growth=4, blocks=2)),
    "rrdb-x2": (RRDBNet, RRDBConfig(width=8, growth=4, blocks=1, folded=2)),
    "srvgg": (SRVGGNet, SRVGGConfig(width=8, layers=2, scale=3)),
}


def network_of(name):
    torch.manual_seed(0)
    network, config = NETWORKS[name]
    made = network(config).eval().requires_grad_(False)
    for parameter in made.parameters():  # as large as in trained networks
        parameter.normal_(0, 0.2)
    return made


@pytest.fixture(params=NETWORKS)
def network(request):
    return network_of(request.param)


@pytest.fixture
def files(network, tmp_path):
    """The .param and the .bin of a network."""
    graph = graph_of(network.cfg, network.state_dict())
    return ncnn.write_graph(tmp_path / "net.param", graph)


@pytest.mark.parametrize("name", ["ncnn-rrdb", "ncnn-srvgg"])
def test_the_runtime_computes_the_same(name):
    """Golden outputs of the runtime `ncnn` 1.0.20261020, in float32, from files that `write_graph` wrote."""
    golden = load_file(reference_file(f"{name}.golden.safetensors"))
    model = ganedit.load(reference_file(f"{name}.param"), "cpu")
    assert_golden(model.network(golden["x"]), golden["y"])


def test_there_and_back(network, files):
    param, weights = files
    x = torch.rand(1, 3, 12, 10)
    for path in (param, weights):  # either may be named
        found = ganedit.load(path, "cpu")
        assert asdict(found.network.cfg) == asdict(network.cfg)
        assert found.scale == network.scale
        torch.testing.assert_close(found.network(x), network(x), rtol=1e-2, atol=1e-2)  # float16 weights
    assert ganedit.load(param, "cpu").sha256 == ganedit.load(weights, "cpu").sha256


def test_an_import_keeps_float16(files, tmp_path, monkeypatch):
    monkeypatch.setenv("GANEDIT_HOME", str(tmp_path / "home"))
    ganedit.import_model(files[0], "small")
    stored = load_file(tmp_path / "home" / "small" / "model.safetensors")
    kinds = {tensor.dtype for name, tensor in stored.items() if name.endswith("weight") and tensor.ndim == 4}
    assert kinds == {torch.float16}
    x = torch.rand(1, 3, 8, 8)
    assert torch.equal(ganedit.load("small", "cpu").network(x), ganedit.load(files[0], "cpu").network(x))


@pytest.mark.parametrize("form", ["ncnn", "pth"])
def test_models_are_exported(network, files, tmp_path, form):
    model = ganedit.load(files[0], "cpu")
    path = ganedit.export_model(model, tmp_path / ("again.param" if form == "ncnn" else "again.pth"), form)
    again = ganedit.load(path, "cpu")
    x = torch.rand(1, 3, 8, 8)
    assert torch.equal(again.network(x), model.network(x))


def test_names_of_other_programs():
    """The exported names are those that spandrel, as Real-ESRGAN's code, gives its layers."""
    from spandrel.architectures.Compact import Compact
    from spandrel.architectures.ESRGAN import ESRGAN

    theirs = Compact(num_feat=8, num_conv=2, upscale=3).state_dict()
    found = compact.read({"params": theirs})
    assert found.weights.config == asdict(NETWORKS["srvgg"][1])
    assert compact.basicsr_names(found.weights.state, 2).keys() == theirs.keys()
    old = ESRGAN(num_filters=8, num_blocks=1).state_dict()
    new = {f"{name}.weight" for name in esrgan.names_of(RRDBConfig(8, 32, 1))}
    assert len(new) == sum(name.endswith(".weight") for name in old)


def test_float32_weights(network, tmp_path):
    graph = graph_of(network.cfg, network.state_dict())
    ncnn.write_graph(tmp_path / "net.param", graph, half=False)
    x = torch.rand(1, 3, 8, 8)
    found = ganedit.load(tmp_path / "net.param", "cpu").network
    torch.testing.assert_close(found(x), network(x), rtol=1e-4, atol=1e-4)


def test_a_reduction_at_the_end_is_left_to_the_user():
    network = network_of("srvgg")
    *rest, last = graph_of(network.cfg, network.state_dict())
    options = {0: ncnn.BICUBIC, 1: 0.5, 2: 0.5}
    reduced = (
        *rest,
        replace(last, outputs=("z",)),
        ncnn.Layer("Interp", "end", ("z",), ("output",), options),
    )
    found = read(ncnn.with_splits(reduced))
    assert found.details == {"scale": 3}
    assert found.notes == "enlarges 3 times; the file reduces that to 1.5 times at the end"


def test_another_wiring_is_refused():
    network = network_of("rrdb")
    graph = list(graph_of(network.cfg, network.state_dict()))
    i = next(i for i, layer in enumerate(graph) if layer.kind == "Eltwise")
    graph[i] = replace(graph[i], options={0: 1, 1: (0.3, 1.0)})
    with pytest.raises(CheckpointError, match="compute something else"):
        read(ncnn.with_splits(tuple(graph)))


def text_changed(old, new):
    def change(param, weights):
        param.write_text(param.read_text().replace(old, new))

    return change


def cut(count):
    def change(param, weights):
        data = weights.read_bytes()
        weights.write_bytes(data[:count] if count < 0 else data + bytes(count))

    return change


def eight_bits(param, weights):
    weights.write_bytes(struct.pack("<I", 0x000D4B38) + weights.read_bytes()[4:])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (text_changed("7767517", "7767518"), "does not begin with 7767517"),
        (text_changed("BinaryOp", "Softmax"), "a layer of the kind Softmax"),
        (text_changed("6=216", "6=217"), "impossible sizes"),
        (text_changed("6=216", "6=x"), "is not a layer"),
        (text_changed("PixelShuffle", "Noop"), "does not fit|something else"),
        (text_changed("1=3.000000e+00", "1=3.000000e+09"), "impossible factor"),
        (cut(-8), "is shorter than"),
        (cut(8), "8 bytes longer"),
        (eight_bits, "8 bits"),
        (lambda param, weights: weights.unlink(), r"net\.bin is missing"),
        (lambda param, weights: param.write_bytes(b"\xff\xfe\x00"), "is not text"),
    ],
)
def test_damaged_files_are_named(tmp_path, change, words):
    network = network_of("srvgg")
    param, weights = ncnn.write_graph(tmp_path / "net.param", graph_of(network.cfg, network.state_dict()))
    change(param, weights)
    with pytest.raises(GaneditError, match=words):
        open_foreign(param)
