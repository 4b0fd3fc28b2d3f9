"""Diagrams of what files hold: tensors under other names, codes, directions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from svg import (
    CARD,
    EDGE,
    INK,
    LIGHT,
    MIST,
    ORANGE,
    QUIET,
    SAND,
    TEAL,
    Shapes,
    arrow,
    box,
    brace,
    chain,
    left,
    numbers,
    panel,
    rect,
    text,
)


def table(y: float, part: str, rows: Iterable[tuple[str, str, str]]) -> Shapes:
    """One part of a network: names in a file, what is done to the tensors, and the names in ganedit."""
    listed = list(rows)
    drawn = [box(82, y + 15 * len(listed) - 3, 104, 30 * len(listed) - 6, part, TEAL, 13)]
    for i, (theirs, done, ours) in enumerate(listed):
        at = y + 12 + 30 * i
        drawn += [rect(303, at, 318, 24, SAND, ORANGE, 5), left(152, at, theirs, 12, INK)]
        if ours:
            drawn += [
                rect(724, at, 296, 24, MIST, LIGHT, 5),
                left(584, at, ours, 12, INK),
                *chain(at, 464, 574),
            ]
        if done:
            drawn.append(text(517, at - 9, done, 11, QUIET) if ours else left(474, at, done, 12))
    return drawn


def rosinality() -> tuple[int, str, Shapes]:
    drawn = [panel(14, 558, "StyleGAN2 of 1024 px: one network, two sets of names")]
    drawn += [
        left(144, 66, "in the file (g_ema)", 13, INK, bold=1),
        left(576, 66, "in ganedit", 13, INK, bold=1),
    ]
    y = 84.0
    parts: Mapping[str, Sequence[tuple[str, str, str]]] = {
        "mapping": [
            ("style.1 to style.8 .weight, .bias", "", "mapping.fc0 to fc7 .weight, .bias"),
            ("latent_avg [512] (beside g_ema)", "", "mapping.w_avg [512]"),
        ],
        "4 px": [
            ("input.input [1, 512, 4, 4]", "axis dropped", "synthesis.b4.const [512, 4, 4]"),
            (
                "conv1.conv.weight [1, 512, 512, 3, 3]",
                "axis dropped",
                "synthesis.b4.conv1.weight [512, 512, 3, 3]",
            ),
            ("conv1.conv.modulation .weight, .bias", "", "synthesis.b4.conv1.affine .weight, .bias"),
            ("conv1.activate.bias", "", "synthesis.b4.conv1.bias"),
            ("conv1.noise.weight [1]", "axis dropped", "synthesis.b4.conv1.noise_strength []"),
            ("noises.noise_0 [1, 1, 4, 4]", "axes dropped", "synthesis.b4.conv1.noise_const [4, 4]"),
            ("to_rgb1.conv, to_rgb1.bias", "", "synthesis.b4.torgb"),
        ],
        "8 px": [
            ("convs.0, convs.1", "", "synthesis.b8.conv0, conv1"),
            ("to_rgbs.0", "", "synthesis.b8.torgb"),
        ],
        "1024 px": [
            ("convs.14, convs.15", "", "synthesis.b1024.conv0, conv1"),
            ("to_rgbs.7", "", "synthesis.b1024.torgb"),
        ],
        "beside it": [("d", "", "the discriminator"), ("g_optim, d_optim, args, ada_aug_p", "left out", "")],
    }
    for part, rows in parts.items():
        drawn += table(y, part, rows)
        y += 30 * len(rows) + (6 if part != "8 px" else 0)
        if part == "8 px":
            drawn.append(text(82, y + 2, "⋮", 14, QUIET))
            y += 12
    title = "Names of the tensors in a file of rosinality, and their names in ganedit, by part of the network"
    return 586, title, drawn


def genforce() -> tuple[int, str, Shapes]:
    drawn: Shapes = []
    y = 14.0
    mapping = ("truncation.w_avg", "", "mapping.w_avg")
    growing = ("synthesis.output0 to output7, .lod", "left out: needed for growing only", "")
    files: Mapping[str, tuple[str, Mapping[str, Sequence[tuple[str, str, str]]]]] = {
        "StyleGAN2": (
            "recognised by synthesis.early_layer.const; 1024 px",
            {
                "mapping": [("mapping.dense0 to dense7", "", "mapping.fc0 to fc7"), mapping],
                "start": [("synthesis.early_layer.const", "axis dropped", "synthesis.b4.const")],
                "layers": [
                    (
                        "synthesis.layer1, 3, ... 15 .weight",
                        "turned by 180°",
                        "synthesis.b8 to b1024 .conv0.weight",
                    ),
                    ("synthesis.layer0, 2, ... 16 .weight", "", "synthesis.b4 to b1024 .conv1.weight"),
                    ("synthesis.layer0, 1, ... 16 .style.bias", "+ 1", "the same two, .affine.bias"),
                ],
                "to RGB": [("synthesis.output0 to output8", "", "synthesis.b4 to b1024 .torgb")],
            },
        ),
        "StyleGAN": (
            "recognised by synthesis.layer0.const; 1024 px",
            {
                "mapping": [
                    ("mapping.dense0 to dense7 .bias", "divided by √2", "mapping.fc0 to fc7 .bias"),
                    mapping,
                ],
                "start": [("synthesis.layer0.const", "axis dropped", "synthesis.blocks.0.const")],
                "layers": [
                    (
                        "synthesis.layer10, 12, 14, 16 .weight",
                        "turned by 180°",
                        "synthesis.blocks.5 to 8 .conv0.weight",
                    ),
                    ("the other synthesis.layer* .weight", "", "synthesis.blocks.0 to 8 .conv0, 1 .weight"),
                    ("synthesis.layer0 to layer17 .style", "", "synthesis.blocks.0 to 8 .style0, 1 .affine"),
                ],
                "to RGB": [("synthesis.output8", "", "synthesis.to_rgb"), growing],
            },
        ),
        "ProGAN": (
            "recognised by layer0, output0 and lod; 1024 px",
            {
                "layers": [("layer0 to layer17", "", "blocks.0 to 8 .conv0, conv1")],
                "to RGB": [
                    ("output8", "", "to_rgb"),
                    ("output0 to output7, lod", "left out: needed for growing only", ""),
                ],
            },
        ),
    }
    for name, (note, parts) in files.items():
        height = 56 + sum(30 * len(rows) + 6 for rows in parts.values())
        drawn.append(panel(y, height, name, note))
        at = y + 46
        for part, rows in parts.items():
            drawn += table(at, part, rows)
            at += 30 * len(rows) + 6
        y += height + 14
    drawn.append(text(450, y + 6, "Orange: names in the file. Teal: names in ganedit.", fill=QUIET))
    title = "Names of tensors in GenForce files of 1024 px, and the names in ganedit"
    return int(y) + 26, title, drawn


def latents() -> tuple[int, str, Shapes]:
    drawn = [
        panel(14, 446, "What a file may hold", x=14, width=470),
        panel(14, 446, "One code [L, W]", "here [18, 512]", 498, 388),
    ]
    bands = [TEAL] * 2 + [LIGHT] * 2 + [ORANGE] * 3
    y = 98.0
    for shape, words in (
        ("[N, L, W]", "N codes\ne4e; [1, L, W]: ada, PTI"),
        ("[L, W]", "one code of L rows"),
        ("[N, W]", "N codes, repeated for\nall layers: InterFaceGAN"),
        ("[W]", "one code, repeated\nfor all layers"),
        ("by name", "a dictionary of codes,\nas rosinality writes"),
    ):
        drawn.append(text(76, y, shape, 15, bold=1))
        if shape == "[N, L, W]":
            for k in (2, 1, 0):
                drawn += [
                    rect(180 + 9 * k, y - 5 * k + 2, 76, 51, CARD, EDGE, 2),
                    numbers(180 + 9 * k, y - 5 * k + 2, 72, 6.7, bands, 8),
                ]
        elif shape == "[L, W]":
            drawn.append(numbers(188, y, 72, 6.7, bands, 8))
        elif shape == "[N, W]":
            drawn += [numbers(188, y - 16 + 16 * k, 72, 9, [[TEAL, LIGHT, ORANGE][k]], 8) for k in range(3)]
        elif shape == "[W]":
            drawn.append(numbers(188, y, 72, 9, [TEAL], 8))
        else:
            drawn += [
                box(188, y - 13, 92, 22, "me.jpg", CARD, 12),
                box(188, y + 13, 92, 22, "you.jpg", CARD, 12),
            ]
        drawn += [*chain(y, 246, 272), left(284, y, words, 13, INK)]
        y += 73
    drawn.append(text(249, 440, "[18, 512] is one code. Save 18 codes as [18, 1, 512].", 13, QUIET))
    x, top, row = 612.0, 92.0, 17.5
    fills = [TEAL] * 4 + [LIGHT] * 4 + [ORANGE] * 10
    drawn += [numbers(x, top + 9 * row, 150, row, fills, 16), text(x, 76, "W = 512 numbers", 13, bold=1)]
    for first, last, words in (
        (0, 3, "coarse: 4, 8 px\nrows 0–3\npose and shape"),
        (4, 7, "middle: 16, 32 px\nrows 4–7\nfeatures and hair"),
        (8, 17, "fine: 64 to 1024 px\nrows 8–17\ncolours and texture"),
    ):
        y0, y1 = top + first * row + 2, top + (last + 1) * row - 2
        drawn += [brace(696, y0, y1), left(716, (y0 + y1) / 2, words, 13, INK, bold=1)]
    drawn.append(text(518, top + 9 * row, "L =\n18", 13, bold=2))
    drawn.append(
        text(
            692,
            432,
            "Two rows for each size of a StyleGAN2. Rows\nall alike: a code of W. Rows that differ: of W+.",
            13,
        )
    )
    title = "Layouts of files with codes, and one code: coarse, middle and fine rows of 512 numbers"
    return 474, title, drawn


def face(x: float, y: float, smile: float) -> Shapes:
    """A small face, more or less glad."""
    eyes = "".join(f'<circle cx="{x + dx}" cy="{y - 5}" r="2.2" fill="{INK}"/>' for dx in (-6, 6))
    curve = f"M{x - 8} {y + 6}Q{x} {y + 6 + 9 * smile} {x + 8} {y + 6}"
    mouth = f'<path d="{curve}" fill="none" stroke="{INK}" stroke-width="2"/>'
    return [
        f'<circle cx="{x}" cy="{y}" r="19" fill="{SAND}" stroke="{ORANGE}" stroke-width="1.5"/>',
        eyes,
        mouth,
    ]


def directions() -> tuple[int, str, Shapes]:
    drawn = [
        panel(14, 446, "A step along a direction", x=14, width=440),
        panel(14, 446, "Which rows a file changes", x=468, width=418),
    ]
    for i in range(44):  # two clouds of codes, spread by the golden angle
        angle, far = 2.4 * i, 15 * (i % 22 + 1) ** 0.5
        right = i >= 22
        cx, cy = (
            (322 if right else 146) + far * math.cos(angle),
            (176 if right else 264) + far * math.sin(angle),
        )
        drawn.append(f'<circle cx="{cx:.0f}" cy="{cy:.0f}" r="3" fill="{ORANGE if right else LIGHT}"/>')
    drawn += [
        arrow((192, 84), (322, 344), dashed=True, head=False),
        text(320, 360, "boundary between two classes", 12, QUIET),
    ]
    ux, uy = 0.894, -0.447
    at = [(128 + 92 * k * ux, 292 + 92 * k * uy) for k in range(3)]
    drawn += [arrow(at[0], (at[2][0] + 58 * ux, at[2][1] + 58 * uy), fill=TEAL, width=2.4)]
    for k, (x, y) in enumerate(at):
        drawn += [
            f'<circle cx="{x:.0f}" cy="{y:.0f}" r="6" fill="{TEAL}"/>',
            *face(round(x) - 12, round(y) - 34, (-0.5, 0.4, 1.1)[k]),
        ]
        words = ("w", "w + 1σv", "w + 2σv")[k]
        drawn += [rect(x + 30, y + 23, 10 + 8 * len(words), 26, CARD), text(x + 30, y + 22, words, bold=1)]
    drawn += [text(234, 402, "new w = w + m · σ · v", 17, TEAL, bold=1)]
    drawn += [
        text(
            234,
            436,
            "v: the direction, of unit length; σ: how far random codes\nspread along it; m: --magnitude",
            13,
            QUIET,
        )
    ]
    y = 112.0
    grey = EDGE
    for shape, who, fills, same, words in (
        ("[W] or [1, W]", "InterFaceGAN, e4e", [TEAL] * 9, True, "the same step\nin all rows"),
        (
            "with --layers 0-3",
            "of any file",
            [TEAL] * 4 + [grey] * 5,
            True,
            "a step in these rows,\nothers stay",
        ),
        (
            "[L, W] or [1, L, W]",
            "other programs",
            [TEAL] * 2 + [LIGHT] * 2 + [ORANGE] * 5,
            False,
            "each row has a\nstep of its own",
        ),
    ):
        drawn.append(text(552, y, f"{shape}\n{who}", 13, bold=1))
        drawn += [
            numbers(682, y, 78, 8, fills, 9, same=same),
            *chain(y, 624, 640),
            left(734, y, words, 13, INK),
        ]
        y += 96
    drawn += [text(552, y, "[K, 1, W]\nGANSpace, e4e's pca", 13, bold=1), *chain(y, 624, 640)]
    drawn += [numbers(682, y - 24 + 24 * k, 78, 9, [[TEAL, LIGHT, ORANGE][k]], 9) for k in range(3)]
    drawn.append(left(734, y, "K directions:\nNAME-0, NAME-1, ...", 13, INK))
    title = "A code moves along a direction by magnitude times sigma; which rows each kind of file changes"
    return 474, title, drawn
