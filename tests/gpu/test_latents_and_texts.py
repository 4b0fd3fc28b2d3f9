"""Latents, directions, units and texts on a GPU, a pretended one (see `pretended_gpu.py`)."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from gpu_cases import Near, assert_nothing_left_out, functions_reached, home, noise
from reference import reference_file

import ganedit
from ganedit.images.io import read_image, write_image
from ganedit.latent import truncation
from ganedit.latent.arithmetic import combine
from ganedit.latent.directions.channel_search import Search, find_channels_that
from ganedit.latent.directions.channels import channel_direction
from ganedit.latent.directions.direction import Direction
from ganedit.latent.directions.discovery import discover_directions
from ganedit.latent.directions.examples import (
    examples_from_arrays,
    examples_from_classifier,
    examples_from_csv,
    examples_from_folders,
    learn_direction,
)
from ganedit.latent.directions.foreign import measured_on
from ganedit.latent.directions.named import find
from ganedit.latent.dragging import PointMove, drag, moves_in_crop
from ganedit.latent.editing import draw, edit, paste_latent
from ganedit.latent.foreign import export_latents, import_latents
from ganedit.latent.generating import Move, generate
from ganedit.latent.interpolation import interpolate, interpolate_z
from ganedit.latent.inversion.photos import project_folder, project_photo
from ganedit.latent.inversion.project import ProjectOptions, project
from ganedit.latent.latent import Latent
from ganedit.latent.mixing import mix_latents
from ganedit.latent.motion import DragOptions
from ganedit.latent.results import draw_edited, enhance_face
from ganedit.latent.showing import directions_sheet, picture_of
from ganedit.latent.styles import draw_styles, find_channels, style_spread, styles_of
from ganedit.latent.truncation import Truncation, find_centres
from ganedit.latent.units.activations import layer_shapes
from ganedit.latent.units.dissection import dissect, top_pictures
from ganedit.latent.units.report import write_report
from ganedit.latent.units.switching import UnitChange, UnitEdit
from ganedit.metrics.identity import person_in
from ganedit.metrics.masks import region_mask
from ganedit.nets.classifier import Classifier as ClassifierNetwork
from ganedit.nets.classifier import ClassifierConfig
from ganedit.nets.latent_mapper import LatentMapper, LatentMapperConfig
from ganedit.store.cards import ModelCard
from ganedit.store.load import encoder_for, load, load_clip, load_generator
from ganedit.store.models import Classifier, Mapper
from ganedit.text import channels, edits, optimize, ranking
from ganedit.text.guidance import Wish
from ganedit.text.optimize import SteerOptions
from ganedit.text.scoring import score_by_texts

AFFINE = np.array([[2.0, 0, 10], [0, 2.0, 20]])  # pixels of the crop are two of the photo
PHOTO = ganedit.Photo(np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8))
PLACES = SimpleNamespace()  # folders of the models


@pytest.fixture(scope="module", autouse=True)
def _models(tiny_models, tiny_clip, portrait, tmp_path_factory):
    PLACES.folder = tmp_path_factory.mktemp("gpu")
    (PLACES.folder / "photos").mkdir()
    face = read_image(portrait).pixels[:300, 80:400]  # quickly found
    write_image(PLACES.folder / "photos" / "me.png", face)
    PLACES.models = shutil.copytree(tiny_models, PLACES.folder / "models")
    PLACES.clip = tiny_clip
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("GANEDIT_HOME", str(PLACES.models))
        patched.setattr(truncation, "CLUSTERED", 64)
        patched.setattr(channels, "channel_relevance", partial(channels.channel_relevance, samples=4))
        patched.setattr("ganedit.store.registry.bundled_folder", lambda: PLACES.folder / "nothing")
        yield


def faces(device):
    return load_generator(PLACES.models / "faces", str(device))


def clip(device):
    return load_clip(PLACES.clip, str(device))


def latents(generator, *seeds):
    """Latents with style offsets, as edits of channels make them."""
    direction = channel_direction(generator, find_channels(generator, "1:2,2:3"))
    return [edit(sample.latent, [(direction, 1.0, None)]) for sample in generate(generator, seeds)]


def classifier(device):
    torch.manual_seed(0)
    config = ClassifierConfig(("smile",), ("age",), (40.0,), (20.0,), widths=(4, 4))
    return Classifier(
        ModelCard("c", "classifier", "classifier", {}), ClassifierNetwork(config).eval(), device
    )


def pictures(device):
    generator = faces(device)
    turning = load(reference_file("sg3t-32.pkl"), str(device))
    turned = [sample.pixels for sample in generate(turning, [1], move=Move(30.0, 0.1))]
    centres = find_centres(generator, 2)
    truncation = Truncation({"coarse": 0.5, "2-3": 0.9}, centres)
    drawn = [sample.pixels for sample in generate(generator, [1, 2], truncation=truncation, noise="none")]
    a, b = latents(generator, 1, 2)
    ways = [interpolate(points, generator, steps=3, space=space) for points, space in
            (([1, 2], "z"), ([1, 2], "w"), ([a, b], "w+"))]  # fmt: skip
    ways.append(
        interpolate_z([1, 2], load(reference_file("biggan-64"), str(device)), steps=3, classes=[1, 2])([0, 1])
    )
    mixed, (summed, weight) = (
        mix_latents(a, b, [0, 1], generator),
        combine("(a + w_avg) / 2", {"a": a}, generator),
    )
    units = UnitEdit(
        generator, [UnitChange(1, (0, 2)), UnitChange(2, (1,), on=True, mask=np.eye(32, dtype="f"))]
    )
    smile = PLACES.models / "faces/directions/smile.safetensors"
    (measured,) = measured_on(generator, [Direction.load(smile)])
    sheet = directions_sheet(generator, [measured], samples=1)
    same = a.draw(generator), picture_of(PLACES.folder / "photos" / "me.png", lambda model: generator)
    shown = draw_edited(a, {"": mixed}, generator, applied=lambda share: units.applied(generator, share))
    upscaler = load(reference_file("srgan-srresnet-x4.pth"), str(device))
    sharp = enhance_face(replace(shown, affine=np.eye(2, 3) * 3), upscaler)
    return home(
        (turned, drawn, ways, draw(generator, [summed, b]), weight, shown, sharp, centres, sheet, same)
    )


def projections(device):
    generator, encoder = faces(device), encoder_for(faces(device))
    assert encoder.device == device
    images, found = noise("cpu", 2, 3, 32, 32).tanh(), []
    for method, space in (("encode", "w"), ("tune", "w"), ("optimize", "z")):
        options = ProjectOptions(method, space, steps=1 if method != "encode" else None, tune_steps=1)
        found += project(generator, images, options, encoder=encoder)
    pivot = Latent(found[0].ws.cpu(), "faces", "")
    exported = export_latents(pivot, PLACES.folder / f"{device.type}.npz")
    imported = import_latents(exported, generator)[device.type].ws
    (latent,) = project_photo(PHOTO, generator, ProjectOptions("encode"), encoder=encoder, aligned=True)
    (of_folder,) = project_folder(
        PLACES.folder / "photos", generator, ProjectOptions("encode"), encoder=encoder
    )
    smile = find("smile", generator)
    changed = edit(latent.for_model(generator), [(smile.for_model(generator), 1.0, None)])
    codes = [one.ws for one in found]
    return (
        codes,
        Near(found),
        home((latent.ws, of_folder.ws, imported, paste_latent(PHOTO.pixels, changed, generator))),
    )


def directions(device):
    generator = faces(device)
    found = discover_directions(generator, 2, rows=[0, 1])
    found += discover_directions(generator, 2, method="ganspace", samples=8, layer=1)
    smiles = classifier(device)
    codes, scores = examples_from_classifier(generator, smiles, "smile", samples=200)
    found.append(learn_direction("smiles", generator, (codes, scores)))
    (PLACES.folder / "run/model").mkdir(parents=True, exist_ok=True)
    found[-1].save(PLACES.folder / "run/model/voynov-000.safetensors")
    found += discover_directions(generator, 1, method="voynov", run=PLACES.folder / "run")
    moved, spread = edit(codes[:1].to(device), [(found[-1], 1.0, None)]), style_spread(generator)
    folder = PLACES.folder / device.type
    for name, sample in zip("ab", generate(generator, [1, 2]), strict=True):
        (folder / name).mkdir(parents=True)
        sample.latent.save(folder / name / "x.latent.safetensors")
    by_folder = examples_from_folders(folder / "a", folder / "b", generator)
    (folder / "t.csv").write_text("file,age\na/x.latent.safetensors,3\n")
    by_table = examples_from_csv(folder / "t.csv", generator)
    np.save(folder / "w.npy", codes.cpu().numpy())
    np.save(folder / "scores.npy", scores.cpu().numpy())
    by_arrays = examples_from_arrays(folder / "w.npy", folder / "scores.npy", generator)
    searches = [
        Search(smiles, "smile", samples=2),
        Search(mask_of=region_mask("mouth", generator), samples=2),
    ]
    best = [find_channels_that(generator, search, 1) for search in searches]
    s = styles_of(generator, noise(device, 1, generator.num_ws, 8))
    with torch.no_grad():
        drawn = draw_styles(generator, s)
    return (
        home((found, codes, scores, spread, by_folder, by_table, by_arrays, best)),
        moved,
        s.detach(),
        drawn,
    )


def dissected(device):
    generator = faces(device)

    def left(pixels, seeds):
        return {"left": np.broadcast_to(np.arange(32) < 16, (len(pixels), 32, 32))}

    shapes = layer_shapes(generator)
    found = dissect(generator, [shapes[1], shapes[4]], left, samples=3)
    tops = top_pictures(generator, found, found.units[:2])
    write_report(PLACES.folder / f"{device.type}.html", generator, found, left)
    return home((found.to_dict(), tops))


def texts(device):
    generator, sees = faces(device), clip(device)
    (latent,) = latents(generator, 3)
    quick = SteerOptions(steps=1)
    found = [
        edits.clip_edit(latent, generator, sees, "an old man", options=quick, layers="coarse"),
        edits.clip_edit(
            latent, generator, sees, Wish("an old man", "a man", "direction", 0),
            options=SteerOptions(steps=1, space="w+", identity=0),
        ),
    ]  # fmt: skip
    config = LatentMapperConfig(8, generator.num_ws, ((0, 1),))
    mapper = Mapper(ModelCard("m", "mapper", "latent-mapper", {}), LatentMapper(config).eval(), device)
    found.append(edits.clip_edit_by_mapper(latent, mapper))
    direction = edits.clip_direction(generator, sees, "an old man", "a woman", threshold=0.0)
    relevance = channels.channel_relevance(generator, sees)
    drawn = optimize.search(generator, sees, Wish("an old man"), quick, candidates=2, restarts=1)
    ranked = ranking.rank([PHOTO], sees, "a smiling face", neutral="a face", aligned=True)[0][1]
    return home(
        (found, direction, relevance, drawn, ranked, score_by_texts(generator, sees, "a man", "a woman", 3))
    )


def dragged(device):
    generator = faces(device)
    latent, (plain,) = latents(generator, 3)[0], generate(generator, [4])
    moves, mask = [PointMove((12, 12), (16, 14)), PointMove((20, 5), (5, 30))], np.eye(32, dtype=bool)
    person = person_in(latent, generator)
    quick = DragOptions(steps=2, space="w", identity=0.1)
    held = drag(latent, generator, moves, quick, mask=mask, person=person)
    in_photo = moves_in_crop([PointMove((34, 44), (42, 48))], replace(latent, affine=AFFINE))
    free = drag(plain.latent, generator, in_photo, DragOptions(steps=3))
    return home((held, held.latents(3), free))


CASES = [pictures, projections, directions, dissected, texts, dragged]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_on_both_devices(case):
    functions_reached(case)


def test_nothing_is_left_out():
    downloaded = [
        "ganedit.latent.directions.pulling.pull_directions",
        "ganedit.latent.directions.pulling.pull_together",
        "ganedit.latent.inversion.perceptual.lpips_distance",
    ]
    assert_nothing_left_out(CASES, "ganedit.latent", "ganedit.text", except_for=downloaded)
