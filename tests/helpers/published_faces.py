"""A face generator, its encoder and its directions in the files in which they are published, at random."""

from __future__ import annotations

from pathlib import Path

import torch
from published_encoder import PublishedEncoder, save_encoder, tamed

from ganedit.nets.stylegan2 import Generator, GeneratorConfig, channel_widths
from ganedit.store import models
from ganedit.store.cards import ModelCard
from ganedit.store.export import export

PUBLISHED = {"resolution": 1024, "width": 512, "units": (3, 4, 14, 3)}
"""The sizes of rosinality's stylegan2-ffhq-config-f.pt and of e4e_ffhq_encode.pt."""
SMALL = {"resolution": 64, "width": 128, "units": (1, 1, 1, 1)}


def write_all(folder: Path, resolution: int, width: int, units: tuple[int, ...]) -> Path:
    """Write rosinality's generator, e4e's encoder, and the directions of encoder4editing into a folder.

    Args:
        folder: Where to; it gets the published names, as in a mirror.
        resolution: Of the generator.
        width: Channels of the codes, and most channels of the networks.
        units: Residual units of the encoder's four stages.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    channels = channel_widths(resolution, 64 * width, width)
    network = Generator(GeneratorConfig(resolution, channels, width, width)).eval()
    network.w_avg.copy_(network.mapping(torch.randn(1000, width), None).mean(0))
    card = ModelCard("random", "generator", "stylegan2", network.cfg.to_dict(), resolution)
    export(models.Generator(card, network), folder / "stylegan2-ffhq-config-f.pt", "rosinality")

    rows = network.cfg.num_ws
    halvings = (4, 4, 4, 5, 5, 5, 5, *[6] * (rows - 7))
    widths = (width // 8, width // 4, width // 2, width)
    encoder = tamed(PublishedEncoder(width // 8, widths, units, halvings), 0.3)
    mean = network.w_avg.expand(rows, width)
    options = {
        "encoder_type": "Encoder4Editing",
        "start_from_latent_avg": True,
        "dataset_type": "ffhq_encode",
    }
    save_encoder(folder / "e4e_ffhq_encode.pt", encoder, mean.contiguous(), **options)

    for name in ("age", "smile", "pose"):
        torch.save(torch.randn(1, width), folder / f"{name}.pt")
    parts = {"comp": torch.randn(80, 1, width), "std": torch.rand(80) + 0.5, "mean": torch.zeros(1, width)}
    torch.save(parts, folder / "ffhq_pca.pt")
    return folder
