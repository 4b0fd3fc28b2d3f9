"""Pictures, sounds and metrics on a GPU, a pretended one (see `pretended_gpu.py`)."""

from __future__ import annotations

import importlib
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from gpu_cases import Fading, Near, assert_nothing_left_out, functions_reached, home, noise
from PIL import Image
from sounds import QUICK, tone, untrained

from ganedit import Photo
from ganedit.audio.candidates import best_of
from ganedit.audio.files import Sound, write_sound
from ganedit.audio.long_sounds import transfer_file
from ganedit.audio.spectrogram import SpectrogramConfig
from ganedit.audio.timbre import transfer
from ganedit.audio.vocoders import vocoder_of
from ganedit.images.align import TEMPLATES
from ganedit.images.classifying import classify
from ganedit.images.colorizing import colorize
from ganedit.images.face_by_face import change_faces
from ganedit.images.inpainting import inpaint
from ganedit.images.io import read_image, write_image
from ganedit.images.labels import LabelMap
from ganedit.images.restoring import check_fidelity, restore
from ganedit.images.singan import (
    singan_animate,
    singan_edit,
    singan_harmonize,
    singan_paint,
    singan_random,
    singan_superres,
)
from ganedit.images.targets import style_encoder, style_of, target_of
from ganedit.images.tiles import activation_bytes
from ganedit.images.translation import batch_size, translate, translate_all
from ganedit.images.upscaling import enhance_crop, upscale
from ganedit.latent.directions.direction import Direction
from ganedit.latent.generating import generate
from ganedit.metrics.distributions import class_score
from ganedit.metrics.diversity import measure_diversity, measure_pairs, measure_path_length
from ganedit.metrics.faces import measure_faces
from ganedit.metrics.identity import distance_to_person, embed_crops, person_in
from ganedit.metrics.image_features import feature_network
from ganedit.metrics.inpainting import measure_inpainting
from ganedit.metrics.masks import region_mask
from ganedit.metrics.modes import mode_coverage
from ganedit.metrics.quality import luma_quality, psnr, ssim
from ganedit.metrics.safe_range import measure_safe_range
from ganedit.metrics.samples import measure_images
from ganedit.metrics.spectra import multi_resolution_distance, multi_resolution_loss
from ganedit.metrics.translating import share_taken_for, translate_folder
from ganedit.metrics.upscaling import measure_upscaler
from ganedit.metrics.zero_shot import zero_shot
from ganedit.store.architectures import ARCHITECTURES
from ganedit.store.cards import ModelCard
from ganedit.store.load import load_clip, load_generator, save_model
from ganedit.store.models import Classifier, Restorer, SingleImage, Translator, Upscaler, Vocoder

PLACES = SimpleNamespace()
PIXELS = np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)


@pytest.fixture(scope="module", autouse=True)
def _places(tiny_models, tiny_clip, tmp_path_factory):
    PLACES.clip = tiny_clip
    PLACES.faces, PLACES.folder = tiny_models / "faces", tmp_path_factory.mktemp("gpu")
    for name, side in (("a_HR", 32), ("a_LR", 8)):
        (PLACES.folder / "pairs").mkdir(exist_ok=True)
        Image.fromarray(PIXELS[:side, :side]).save(PLACES.folder / f"pairs/{name}.png")
    Image.fromarray(PIXELS).save(PLACES.folder / "photo.png")
    config = {"style_dim": 6, "width": 4, "layers": 2}
    card = ModelCard("styles", "encoder", "spade-encoder", config, details={"model": "tiny"})
    save_model(PLACES.folder / "styles", card, network("spade-encoder", **config).state_dict())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("ganedit.metrics.zero_shot.AGES", range(20, 30))
        patched.setattr("ganedit.metrics.safe_range.FARTHEST", 0.5)
        patched.setattr("ganedit.metrics.safe_range.SAMPLES", 2)
        yield


def network(architecture, **config):
    torch.manual_seed(0)
    where = ARCHITECTURES[architecture]
    module = importlib.import_module(where.module)
    return (
        getattr(module, where.network)(getattr(module, where.config)(**config)).eval().requires_grad_(False)
    )


def model(kind, architecture, device, details=None, **config):
    card = ModelCard("tiny", kind.__name__.lower(), architecture, config, details=details or {})
    return kind(card, network(architecture, **config), device)


def translations(device):
    photo, maps = Photo(PIXELS), LabelMap((PIXELS[..., 0] // 86).astype(np.uint8))
    plain = model(Translator, "resnet", device, width=4, blocks=1)
    large = Photo(np.tile(PIXELS, (7, 4, 1)))
    drawn = [translate(photo, plain), translate(large, plain, tile=128), *translate_all([photo] * 2, plain)]
    aimed = model(Translator, "stargan", device, {"labels": ["old", "fair"]}, labels=2, width=4, blocks=1)
    drawn.append(translate(photo, aimed, label=target_of(aimed, ["fair"])))
    spade = model(
        Translator, "spade", device, {"labels": ["a", "b", "c"], "input": "labels"},
        in_channels=3, width=2, hidden=4, style_dim=6, grid=(1, 1),
    )  # fmt: skip
    style = style_of(photo, style_encoder(spade, str(PLACES.folder / "styles")))
    drawn.append(translate(maps, spade, style=style))
    folder = translate_folder(PLACES.folder / "pairs", plain)
    need = activation_bytes(plain.network, plain, noise(device, 1, 3, 16, 16))
    return home((drawn, need, batch_size(plain, PIXELS.shape), folder))


def single_image(device):
    one = model(SingleImage, "singan", device, heights=(6, 9), widths=(8, 12), channels=(4, 4), layers=2)
    mask = np.zeros_like(PIXELS)
    mask[4:9, 4:9] = 255
    drawn = singan_random(one, 2, size=(20, 9)) + singan_random(one, from_scale=1)
    drawn += singan_superres(one, factor=2), singan_paint(one, PIXELS)
    drawn += singan_edit(one, PIXELS, mask), singan_harmonize(one, PIXELS, mask)
    return home((drawn, list(singan_animate(one, 2))))


def restored(device):
    photo = Photo(PIXELS)
    upscaler = model(Upscaler, "srresnet", device, width=4, blocks=1)
    colours = model(
        Translator, "unet", device, {"use": "colorize"}, in_channels=1, out_channels=2, width=4, downs=3
    )
    filler = model(
        Translator, "context-encoder", device, {"use": "inpaint", "size": 32}, resolution=32, width=4
    )
    hole = np.zeros(PIXELS.shape[:2], bool)
    hole[10:20, 10:20] = True
    drawn = upscale(photo, upscaler), colorize(photo, colours), inpaint(photo, hole, filler)
    faces = model(Upscaler, "srresnet", device, width=4, blocks=1)  # any model: its card is all that is read
    faces.card = replace(faces.card, template="close-up")
    whole = change_faces(photo, faces, lambda crop: colorize(crop, colours), aligned=True)
    restorer = Restorer(ModelCard("r", "restorer", "x", {}, 32, template="ffhq"), Fading().eval(), device)
    check_fidelity(0.3, restorer)
    square = Photo(np.ascontiguousarray(PIXELS[:32, :32]))
    fresh = restore(square, restorer, aligned=True, fidelity=0.3, background=upscaler)
    written = write_image(PLACES.folder / f"{device.type}.png", noise(device, 1, 3, 8, 8).tanh())
    sharp, _ = enhance_crop(PIXELS[:32, :32], np.eye(2, 3) * 2, upscaler)
    drawn += whole, fresh, sharp, read_image(written).pixels
    crops = torch.from_numpy(PIXELS[:32, :32]).permute(2, 0, 1)[None]
    measured = measure_upscaler(upscaler, PLACES.folder / "pairs"), measure_inpainting(filler, crops)
    return home((drawn, measured))


def sounds(device):
    card, same = untrained()
    translator = Translator(card, same.eval().requires_grad_(False), device)
    config = {
        "bins": QUICK.bins,
        "hop": QUICK.hop,
        "channels": 4,
        "skip": 4,
        "condition": 4,
        "cycles": 1,
        "layers": 2,
    }
    wavenet = model(Vocoder, "wavenet", device, **config)
    chosen = best_of(wavenet, np.full((QUICK.bins, 2), -0.5, np.float32), QUICK, 2, seed=0)
    sound = Sound(tone(440, 0.3)[None], 16000)

    def vocode(spectrogram, length):
        return np.resize(spectrogram.mean(axis=0), length)

    write_sound(PLACES.folder / "a.wav", [sound.samples], sound.rate)
    seconds = transfer_file(PLACES.folder / "a.wav", PLACES.folder / f"{device.type}.wav", translator, vocode)
    bundled = vocoder_of(SpectrogramConfig(), device=str(device))(np.full((336, 2), -0.5, np.float32), 300)
    return home((transfer(sound, translator, vocode).samples, chosen, seconds, bundled))


def sound_losses(device):
    waves, wanted = noise(device, 2, 2048).requires_grad_(), noise(device, 2, 2049)[:, :2048]
    loss = multi_resolution_loss(waves, wanted)
    return loss, torch.autograd.grad(loss, waves), multi_resolution_distance(waves[0], wanted[0])


def metrics(device):
    a, b = noise(device, 2, 3, 32, 32).sigmoid(), noise(device, 2, 3, 33, 32).sigmoid()[:, :, :32]
    qualities = psnr(a, b), ssim(a, b), luma_quality(a, b, 2)
    generator, template = load_generator(PLACES.faces, str(device)), TEMPLATES["close-up"]
    crops = np.stack([PIXELS[:32, i : i + 32] for i in range(4)])
    (sample,) = generate(generator, [3])
    persons = [(distance_to_person(crops[:2], template), a), (person_in(sample.latent, generator), a[:1])]
    person = [distance(images * 2 - 1) for distance, images in persons]
    with_faces = measure_faces(generator, crops, template, samples=4, detection_samples=1)
    classifier = model(Classifier, "classifier", device, binary=("smile",), widths=(4, 4))
    pictures = torch.from_numpy(crops).permute(0, 3, 1, 2)
    known = {"gender": torch.tensor([1.0, 0, 1, torch.nan]), "age": torch.tensor([20.0, 30, 40, torch.nan])}
    others = [
        share_taken_for(crops, classifier, "smile"), embed_crops(crops, template),
        zero_shot(load_clip(PLACES.clip, str(device)), pictures, known),
        region_mask("mouth", generator)(a * 2 - 1), classify(PIXELS, classifier),
        mode_coverage(a[0, 0, :, :2] * 4, a[1, 0, :3, :2] * 4, 0.3),
    ]  # fmt: skip
    of_device = {"device": str(device)}
    for name in ("efficientnet-lite0", f"clip:{PLACES.clip}"):
        network = feature_network(name, **of_device)
        measures = ("fid", "kid", "is") if network.has_classes else ("fid",)
        others.append([one.value for one in measure_images(crops, crops[::-1] // 2, measures, network)])
    others.append(class_score(torch.from_numpy(crops).flatten(1)[:, :5].float()))
    others.append(measure_diversity(crops, "efficientnet-lite0", pairs=2, **of_device))
    others.append(measure_pairs(crops, crops[::-1], "efficientnet-lite0", **of_device))
    for space, sampling in (("w", "end"), ("z", "full")):
        length = measure_path_length(generator, space, sampling, "efficientnet-lite0", samples=2)
        others.append(Near(length, 0.05))  # of differences that are a ten-thousandth of the images
    direction = Direction.load(PLACES.faces / "directions/smile.safetensors")
    others.append(measure_safe_range(generator, direction, classifier=classifier))
    return qualities, person, home((with_faces, others))


CASES = [translations, single_image, restored, sounds, sound_losses, metrics]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_on_both_devices(case):
    functions_reached(case)


def test_nothing_is_left_out():
    only_files = [
        "ganedit.metrics.timbre_transfer.measure_timbre"
    ]  # plays by `transfer_file`, compares files
    assert_nothing_left_out(
        CASES, "ganedit.images", "ganedit.audio", "ganedit.metrics", except_for=only_files
    )
