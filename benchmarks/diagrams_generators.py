"""Diagrams of generators, and of the encoders into their codes."""

from __future__ import annotations

from collections.abc import Sequence

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
    chain,
    left,
    maps,
    numbers,
    panel,
    photo,
    rect,
    sign,
    text,
    volume,
)


def biggan() -> tuple[int, str, Shapes]:
    net = [panel(14, 356, "BigGAN-deep", "published size: 128 px. Bold: channels; below: pixels")]
    z, c = [TEAL], [ORANGE]
    net += [text(108, 76, "z, truncated by ψ\n[128]", bold=1), numbers(108, 106, 110, 18, z, 12)]
    net += [
        text(108, 154, "embedding [128]\nof a class, or a mixture", 12, bold=1),
        numbers(108, 184, 110, 18, c, 12),
    ]
    net += [
        text(108, 254, "condition [256]", bold=1),
        numbers(78, 278, 60, 18, z, 8),
        numbers(138, 278, 60, 18, c, 8),
    ]
    net += [
        arrow((51, 106), (28, 106), (28, 278), (46, 278), fill=TEAL),
        arrow((165, 184), (188, 184), (188, 278), (170, 278), fill=ORANGE),
    ]
    y, below = 150.0, 232.0
    steps = [
        (2048, 4),
        (2048, 8),
        (2048, 8),
        (1024, 16),
        (1024, 16),
        (512, 32),
        (512, 32),
        (256, 64),
        (256, 64),
        (128, 128),
    ]
    sides = {4: 18, 8: 28, 16: 40, 32: 54, 64: 70, 128: 90}
    places = [260, 308, 356, 404, 450, 496, 542, 588, 708, 758]
    net += maps(y, below, (212, 2048, 18, "4²\nlinear"))
    for i, (x, (wide, side)) in enumerate(zip(places, steps, strict=True)):
        note = "×2" if i % 2 else ""
        net += maps(y, below, (x, wide, sides[side], f"{side}²\n{note}"))
        net.append(arrow((108, 290), (108, 326), (x, 326), (x, 264), width=1.3))
    net += [arrow((108, 290), (108, 326), (212, 326), (212, 264), width=1.3)]
    net += [box(648, y, 76, 50, "attention\n256, 64²", SAND, 12)]
    net += [photo(844, y, 66), *chain(y, 782, 808), text(844, below, "3 of 128\n128²\n3×3, tanh", 12, bold=1)]
    net += [
        text(
            486,
            348,
            "The whole condition goes to the first layer, and to the four normalisations of all ten blocks.",
            13,
        )
    ]
    y = 470.0
    block = [panel(384, 190, "A block", "C to C' channels; ×2 in every second block")]
    block += [text(40, y, "x"), *chain(y, 50, 70, 216, 236, 402, 422, 568, 588, 734, 762, 788, 812)]
    for x, wide, words in (
        (143, 146, "norm, ReLU, 1×1\nC to C/4"),
        (319, 166, "norm, ReLU, ×2, 3×3\nC/4"),
        (495, 146, "norm, ReLU, 3×3\nC/4"),
        (661, 146, "norm, ReLU, 1×1\nC/4 to C'"),
    ):
        block.append(box(x, y, wide, 52, words))
    block += [
        sign(775, y),
        arrow((56, y), (56, y + 50), (775, y + 50), (775, y + 13)),
        rect(410, y + 50, 260, 28, CARD, EDGE),
        text(410, y + 50, "the first C' channels of x, ×2", 12),
    ]
    block += [
        text(
            450,
            y + 86,
            "norm: (x − mean) / deviation · (1 + scale(condition)) + shift(condition). "
            "Mean and deviation are stored for 51 values of ψ",
        )
    ]
    title = "BigGAN-deep: z and the embedding of the class form one condition for all layers"
    return 588, title, net + block


def stylegan_nvlabs() -> tuple[int, str, Shapes]:
    y = 96.0
    top = [panel(14, 140, "z to codes", "the same in all three; W is 512 in the published models")]
    top += [
        text(84, 66, "z [512]", bold=1),
        numbers(84, y, 84, 18, [TEAL], 8),
        text(84, 124, "and a class, if any", 12, QUIET),
    ]
    top += [
        box(234, y, 162, 54, "mapping\n8 layers; StyleGAN3: 2"),
        text(382, 66, "w [512]", bold=1),
        numbers(382, y, 84, 18, [LIGHT], 8),
    ]
    top += [
        box(544, y, 176, 54, "truncation\nψ of the way from w_avg"),
        numbers(706, y, 84, 9, [LIGHT] * 8, 8, same=True),
    ]
    top += [
        *chain(y, 130, 152, 317, 338, 428, 455, 634, 660),
        left(762, y, "ws [L, 512]\nw, once for\neach row", 13, INK, bold=1),
    ]
    nets: Sequence[tuple[str, str, str, Sequence[tuple[str, int | None]]]] = [
        (
            "StyleGAN",
            "files: see GenForce",
            "To the constant and after each 3×3:\nnoise, leaky ReLU, normalisation;\n"
            "scale and shift come from the row.\n18 rows at 1024 px",
            [
                ("constant\n4 px", 0),
                ("3×3\n4 px", 1),
                ("×2, 3×3\n8 px", 2),
                ("3×3\n8 px", 3),
                ("3×3\n1024 px", 17),
                ("to RGB", None),
            ],
        ),
        (
            "StyleGAN2",
            "and -ADA",
            "The row scales the input channels;\nnoise follows. The images of all sizes\nare added up; "
            "an RGB layer shares\nthe next row. 18 rows at 1024 px",
            [
                ("constant\n4 px", None),
                ("3×3\n4 px", 0),
                ("×2, 3×3\n8 px", 1),
                ("3×3\n8 px", 2),
                ("3×3\n1024 px", 16),
                ("sum", None),
            ],
        ),
        (
            "StyleGAN3",
            "T and R",
            "T: 3×3, R: 1×1. No noise. Each leaky\nReLU lies between an upsampling and\n"
            "a downsampling filter.\n16 rows at every size",
            [
                ("Fourier features\nturned, shifted", 0),
                ("layer 0", 1),
                ("layer 1", 2),
                ("layer 2", 3),
                ("layer 13", 14),
                ("to RGB", 15),
            ],
        ),
    ]
    for at, (name, note, about, steps) in zip((14, 309, 604), nets, strict=True):
        top.append(panel(168, 500, name, note, at, 282))
        for i, (words, row) in enumerate(steps):
            y, x, wide = 240 + 54 * i + (14 if i > 3 else 0), at + 150, 88
            if name != "StyleGAN2":
                x, wide = at + 166, 120
            fill = SAND if i in (0, 5) else MIST
            top.append(box(x, y, wide, 40, words, fill, 12))
            if i and words != "sum":  # of images, not of features
                top.append(arrow((x, y - (48 if i == 4 else 34)), (x, y - 20), dashed=i == 4))
            if row is not None:
                top += [
                    numbers(at + 66, y, 42, 13, [LIGHT], 5),
                    text(at + 40, y, str(row), 12, INK, "end", bold=1),
                    *chain(y, at + 86, at + 105),
                ]
            if name == "StyleGAN2" and row in (0, 2, 16):
                top += [box(at + 234, y, 58, 40, f"RGB\nrow {row + 1}", SAND, 12)]
                top += chain(y, at + 195, at + 205)
                top.append(
                    arrow(
                        (at + 263, y), (at + 272, y), (at + 272, 524), (at + 195, 524), fill=ORANGE, width=1.3
                    )
                )
        top.append(text(at + 40, 214, "row", 12, QUIET, "end"))
        top.append(left(at + 18, 606, about, 13, INK))
    title = "One code w becomes L rows; each row drives one layer of StyleGAN, StyleGAN2 or StyleGAN3"
    return 682, title, top


def encoders() -> tuple[int, str, Shapes]:
    y = 112.0
    drawn = [
        panel(
            14,
            440,
            "From an aligned photo to 18 rows in one pass",
            "published size: e4e and pSp for a StyleGAN2 of 1024 px",
        )
    ]
    drawn += [photo(66, y, 64), text(66, y + 46, "256²", 12)]
    drawn += maps(
        y, y + 64, (146, 64, 70, "128²"), (212, 128, 56, "64²"), (278, 256, 44, "32²"), (346, 512, 32, "16²")
    )
    drawn += [*chain(y, 102, 130, 168, 194, 232, 258, 300, 324, 368, 508, fill=QUIET)]
    drawn += [
        left(
            34,
            290,
            "IR-50 with squeeze-\nand-excitation: 3, 4,\n14 and 3 units, each\nstage halves the size",
            13,
        )
    ]
    for i, (start, low, side, size, heads, halvings, fill) in enumerate(
        (
            (346, y, 28, "16²", 3, 4, TEAL),
            (278, 236.0, 42, "32²", 4, 5, LIGHT),
            (212, 350.0, 60, "64²", 11, 6, ORANGE),
        )
    ):
        drawn.append(volume(536, low, 14, side, fill))
        drawn.append(text(536, low + side / 2 + 18, f"512, {size}", 12))
        drawn.append(
            box(
                662,
                low,
                142,
                48,
                f"{heads} heads\neach {halvings} times 3×3, ↓",
                SAND if fill == ORANGE else MIST,
            )
        )
        drawn += chain(low, 562, 593)
        if i:
            drawn += [arrow((start, y + 80), (start, low), (458, low)), sign(471, low), *chain(low, 484, 512)]
            drawn += [rect(400, low, 42, 26, CARD, EDGE), text(400, low, "1×1", 12)]
            above = (y, 236.0)[i - 1]
            drawn += [
                arrow((498, above), (498, above + 40), (471, above + 40), (471, low - 13), fill=TEAL),
                left(479, low - 30, "↑2", 12),
            ]
    fills = [TEAL] * 3 + [LIGHT] * 4 + [ORANGE] * 11
    drawn.append(numbers(800, 239.5, 80, 17, fills, 10))
    drawn += [text(800, 72, "code [18, 512]", bold=1)]
    for low, row, words, fill in (
        (y, y, "0–2", TEAL),
        (236.0, 171.5, "3–6", LIGHT),
        (350.0, 299.0, "7–17", ORANGE),
    ):
        turn = [(735, low), (746, low), (746, row), (758, row)] if low != row else [(735, low), (758, low)]
        drawn += [arrow(*turn, fill=fill), left(848, row, words, 12, INK)]
    words = "pSp: each row is the output of its head. e4e: so is row 0; the others are row 0 plus the output."
    drawn += [
        text(450, 420, words),
        text(450, 440, "To both, latent_avg is added if the options say so.", 13, QUIET),
    ]
    title = "An encoder: a trunk of four stages, a pyramid of three sizes, and a head for each of 18 rows"
    return 468, title, drawn
