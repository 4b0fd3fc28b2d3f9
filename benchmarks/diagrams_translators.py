"""Diagrams of networks from pictures to pictures."""

from __future__ import annotations

from svg import (
    CARD,
    EDGE,
    INK,
    LIGHT,
    MIST,
    ORANGE,
    PAPER,
    QUIET,
    SAND,
    TEAL,
    THICK,
    Shapes,
    arrow,
    blocks,
    box,
    chain,
    label_map,
    left,
    maps,
    panel,
    photo,
    rect,
    sign,
    text,
    volume,
)


def cyclegan_pix2pix() -> tuple[int, str, Shapes]:
    y, below = 168.0, 246.0
    sides = [104, 90, 77, 65, 54, 44, 35, 26, 16]
    widths = [3, 64, 128, 256, 512, 512, 512, 512, 512]
    places = [450 + 46 * i for i in range(-8, 9)]
    unet = [panel(14, 322, "pix2pix: a U-Net", "published size: 256 px. Bold: channels; below: pixels")]
    for i in range(1, 8):  # the skips, outermost first
        top, x0, x1, edge = 54 + 7 * i, places[i], places[16 - i], y - sides[i] / 2
        unet.append(arrow((x0, edge - 6), (x0, top), (x1, top), (x1, edge - 5), fill=ORANGE, width=1.3))
    unet += maps(y, below, *((places[i], widths[i], sides[i], f"{256 >> i}²") for i in range(1, 9)))
    for i in range(7, 0, -1):
        x, thick = places[16 - i], THICK[widths[i]] * 0.7
        unet.append(volume(x - thick / 2, y, thick, sides[i], ORANGE))
        unet.append(volume(x + thick / 2, y, thick, sides[i], TEAL))
        unet.append(text(x, below, f"{2 * widths[i]}\n{256 >> i}²", 12, bold=1))
    for x, hill in ((56, QUIET), (844, TEAL)):
        unet += [photo(x, y, 56, hill), text(x, below, "3\n256²", 12, bold=1)]
    unet += [
        text(places[4], 283, "4×4 convolutions halve the size", fill=QUIET),
        text(places[12], 283, "4×4 transposed convolutions double it", fill=QUIET),
        text(
            450,
            314,
            "Orange: skips. Beside its own channels, the decoder sees what the encoder saw at each size.",
        ),
    ]
    y, below = 470.0, 558.0
    resnet = [panel(350, 286, "CycleGAN: a ResNet", "published size: 256 px, nine blocks (six for 128 px)")]
    resnet += maps(
        y,
        below,
        (150, 64, 104, "256²\n7×7"),
        (206, 128, 80, "128²\n3×3, ↓"),
        (258, 256, 58, "64²\n3×3, ↓"),
        (668, 128, 80, "128²\n3×3, ↑"),
        (726, 64, 104, "256²\n3×3, ↑"),
    )
    resnet += [rect(463, y + 12, 346, 172, MIST, LIGHT, 10)]
    resnet += [text(463, y + 74, "256\n9 residual blocks at 64² pixels", 12, bold=1)]
    resnet += blocks(314, y, 58, 9)
    resnet += [photo(64, y, 60), photo(836, y, 60, ORANGE)]
    resnet += [text(64, below, "3\n256²\n", 12, bold=1), text(836, below, "3\n256²\n7×7, tanh", 12, bold=1)]
    resnet += chain(y, 100, 132, 750, 800)
    resnet.append(
        text(
            450,
            614,
            "Each block: two 3×3 convolutions with normalisations, and a shortcut (orange) around both.",
        )
    )
    title = "The U-Net of pix2pix with a skip at every size, and the ResNet of CycleGAN with nine blocks"
    return 650, title, unet + resnet


def pix2pixhd_spade() -> tuple[int, str, Shapes]:
    y, low = 110.0, 218.0
    hd = [
        panel(
            14,
            292,
            "pix2pixHD: coarse to fine",
            "published size: one local enhancer; H is the height of the result",
        )
    ]
    hd += [
        label_map(72, y, 84),
        text(72, y + 58, "label map, H", 12),
        photo(826, y, 84),
        text(826, y + 58, "image, H", 12),
    ]
    hd += [box(240, y, 150, 68, "local enhancer\n7×7, 3×3 ↓\n64 channels, H/2"), sign(470, y)]
    hd += [box(558, y, 108, 58, "3 blocks\n64, H/2"), box(696, y, 128, 58, "3×3 ↑, 7×7\n32, then 3; tanh")]
    hd += chain(y, 118, 163, 317, 456, 484, 502, 614, 630, 762, 782)
    hd += [arrow((72, y + 70), (72, low - 25)), text(64, y + 76, "halved", 12, QUIET, "end")]
    hd += [label_map(72, low + 2, 44), rect(357, low + 12, 460, 134, MIST, LIGHT, 10)]
    hd += [text(358, low - 34, "global generator", bold=1)]
    hd += maps(
        low,
        low + 52,
        (160, 64, 56, "H/2"),
        (200, 128, 46, "H/4"),
        (242, 256, 36, "H/8"),
        (286, 512, 27, "H/16"),
        (432, 512, 27, "H/16"),
        (476, 256, 36, "H/8"),
        (518, 128, 46, "H/4"),
        (558, 64, 56, "H/2"),
    )
    hd += [volume(336 + 22 * i, low, THICK[1024], 18) for i in range(3)]
    hd += [text(358, low + 52, "1024\n9 blocks, H/32", 12, bold=1)]
    hd += [
        *chain(low, 98, 124),
        arrow((588, low), (620, low), (620, y + 43), (470, y + 43), (470, y + 13), fill=ORANGE),
    ]
    hd += [
        left(
            636,
            low + 18,
            "Its features, not its image,\nare added to those of the\nenhancer at the same size.",
            13,
        )
    ]

    top = 360.0
    spade = [
        panel(320, 440, "SPADE: the label map in every normalisation", "published widths, upsampling normal")
    ]
    spade += [label_map(62, top + 38, 64), arrow((98, top + 22), (776, top + 22), fill=ORANGE, head=False)]
    spade += [left(104, top + 10, "resized to each block", 12)]
    chan, size = (1024, 1024, 1024, 512, 256, 128, 64), ("/32", "/16", "/16", "/8", "/4", "/2", "")
    sides = (16, 24, 24, 34, 46, 60, 76)
    y = top + 92
    spade += maps(y, y + 72, (176, 1024, 16, "H/32\n3×3"))
    for i, (wide, part, side) in enumerate(zip(chan, size, sides, strict=True)):
        x = 254 + 87 * i
        double = "×2, block" if i in (1, 3, 4, 5, 6) else "block"
        spade += maps(y, y + 72, (x, wide, side, f"H{part}\n{double}"))
        spade.append(arrow((x, top + 22), (x, y - side / 2 - 10), fill=ORANGE, width=1.3))
    spade += [arrow((62, top + 74), (62, y), (156, y), fill=ORANGE), photo(848, y, 50), *chain(y, 796, 820)]
    spade += [text(78, y + 72, "or, with a style\nvector, a linear\nlayer of it:", 12, QUIET)]
    spade += [text(848, y + 72, "3\nH\n3×3, tanh", 12, bold=1)]
    y = 608.0
    spade += [rect(232, y + 48, 408, 168, PAPER, EDGE, 10), left(44, y - 18, "A block", 13, INK, bold=1)]
    spade += [
        text(46, y + 30, "x"),
        box(108, y + 30, 66, 40, "SPADE", SAND),
        box(186, y + 30, 66, 40, "3×3"),
        box(264, y + 30, 66, 40, "SPADE", SAND),
    ]
    spade += [
        box(342, y + 30, 66, 40, "3×3"),
        sign(404, y + 30),
        *chain(y + 30, 54, 75, 141, 153, 219, 231, 297, 309, 375, 392, 416, 434),
    ]
    spade += [
        arrow((60, y + 30), (60, y + 90), (404, y + 90), (404, y + 43)),
        rect(224, y + 90, 210, 30, CARD, EDGE),
        text(224, y + 90, "SPADE, 1×1 if widths differ", 12),
    ]
    spade += [text(224, y + 119, "leaky ReLU before each 3×3", 12, QUIET)]
    spade += [rect(662, y + 48, 416, 168, PAPER, EDGE, 10), left(468, y - 18, "SPADE", 13, INK, bold=1)]
    spade += [
        text(470, y + 20, "x"),
        box(560, y + 20, 120, 44, "normalisation\nbatch or instance", CARD, 12),
        sign(694, y + 20, "×"),
        sign(792, y + 20),
    ]
    spade += [
        *chain(y + 20, 480, 500, 620, 681, 707, 779, 805, 850),
        label_map(502, y + 98, 44),
        box(598, y + 98, 96, 44, "3×3, ReLU\n128", SAND, 12),
    ]
    spade += [
        box(694, y + 62, 72, 28, "3×3: 1+γ", SAND, 12),
        box(792, y + 62, 72, 28, "3×3: β", SAND, 12),
        *chain(y + 98, 526, 549, fill=ORANGE),
    ]
    for x in (694, 792):
        spade += [
            arrow((x, y + 47), (x, y + 33), fill=ORANGE),
            arrow((647, y + 98), (x, y + 98), (x, y + 77), fill=ORANGE),
        ]
    title = "pix2pixHD from coarse to fine, and SPADE with the label map in every normalisation"
    return 774, title, hd + spade


def stargan_unit() -> tuple[int, str, Shapes]:
    y, below = 128.0, 214.0
    star = [panel(14, 320, "StarGAN: the target as more channels", "published: five attributes, six blocks")]
    star += [
        photo(78, y - 38, 56),
        text(78, y + 2, "3 channels", 12),
        text(78, y + 72, "a plane for\neach attribute", 12),
    ]
    for i, on in enumerate((0, 1, 0, 0, 1)):
        star.append(box(38 + 20 * i, y + 36, 17, 26, str(on), SAND if on else CARD, 12))
    star += [
        arrow((110, y - 38), (148, y - 38), (148, y), (174, y)),
        arrow((130, y + 36), (148, y + 36), (148, y), (174, y), fill=ORANGE),
    ]
    star += maps(
        y, below, (200, 64, 92, "H\n7×7"), (260, 128, 72, "H/2\n4×4, ↓"), (320, 256, 54, "H/4\n4×4, ↓")
    )
    star += [
        rect(478, y + 8, 236, 136, MIST, LIGHT, 10),
        text(478, y + 56, "256\n6 residual blocks, H/4", 12, bold=1),
    ]
    star += blocks(384, y, 50, 6)
    star += maps(y, below, (640, 128, 72, "H/2\n4×4, ↑"), (706, 64, 92, "H\n4×4, ↑"))
    star += [*chain(y, 732, 788), photo(824, y, 60), text(824, below, "3\nH\n7×7, tanh", 12, bold=1)]
    y = 282.0
    star += [
        text(110, y, "The discriminator", 13, INK, bold=1),
        photo(204, y, 40, QUIET),
        box(372, y, 230, 44, "six convolutions, 4×4, ↓\n64 to 2048 channels"),
    ]
    star += [
        box(606, y - 1, 108, 50, "real?\n[N, 1, h, w]", SAND),
        box(752, y - 1, 140, 50, "which attributes?\n[N, 5]", SAND),
    ]
    star += [*chain(y, 230, 256, 488, 551), arrow((518, y), (518, y + 42), (752, y + 42), (752, y + 25))]

    y, z, mid = 424.0, 544.0, 484.0
    unit = [
        panel(
            348,
            282,
            "UNIT: two auto-encoders, one shared code",
            "published: 64 to 256 channels, four blocks on both sides",
        )
    ]
    for at, name, hill in ((y, "a", TEAL), (z, "b", ORANGE)):
        fill = MIST if name == "a" else SAND
        unit += [
            photo(70, at, 60, hill),
            text(70, at + 44, f"domain {name}", 12),
            photo(830, at, 60, hill),
            text(830, at + 44, f"domain {name}", 12),
        ]
        unit += [box(236, at, 190, 74, f"encoder {name}\n7×7; 4×4 ↓ twice\n4 residual blocks", fill)]
        unit += [box(664, at, 190, 74, f"decoder {name}\n4 residual blocks\n5×5 ↑ twice; 7×7, tanh", fill)]
        unit += chain(at, 106, 140, 760, 794)
    unit += [
        rect(450, mid, 116, 150, MIST, LIGHT, 10),
        volume(450, mid - 16, 28, 60, TEAL),
        text(450, mid + 48, "256\nH/4 × W/4", 12, bold=1),
    ]
    unit += [
        arrow((332, y), (360, y), (360, mid - 16), (390, mid - 16), fill=TEAL),
        arrow((332, z), (360, z), (360, mid + 16), (390, mid + 16), fill=ORANGE),
    ]
    unit += [
        arrow((509, mid + 16), (540, mid + 16), (540, z), (567, z), fill=TEAL),
        arrow((509, mid - 16), (540, mid - 16), (540, y), (567, y), fill=ORANGE),
    ]
    unit += [
        text(
            450,
            612,
            'Teal: a to b, the default. Orange: direction="ba". The code is a mean, without noise.',
        )
    ]
    title = "StarGAN: photo and attributes in, photo out. UNIT: two encoders, a shared code, two decoders"
    return 644, title, star + unit


def super_resolution() -> tuple[int, str, Shapes]:
    y = 104.0
    drawn = [panel(14, 164, "ESRGAN, Real-ESRGAN: RRDBNet", "published size: x4, 64 channels, 23 blocks")]
    drawn += [
        photo(58, y, 40),
        text(58, y + 40, "[3, H, W]", 12),
        box(128, y, 60, 44, "3×3\n3 to 64", size=12),
    ]
    drawn += [
        box(262, y, 142, 54, "23 blocks\n64 channels, H × W", TEAL),
        box(374, y, 44, 44, "3×3"),
        sign(426, y),
    ]
    drawn += [
        box(498, y, 84, 44, "×2, 3×3\n2H × 2W"),
        box(602, y, 84, 44, "×2, 3×3\n4H × 4W"),
        box(704, y, 80, 44, "3×3, 3×3\nto 3"),
    ]
    drawn += [photo(822, y, 86), text(822, y + 58, "[3, 4H, 4W]", 12)]
    drawn += chain(y, 80, 97, 159, 190, 334, 351, 397, 413, 439, 455, 541, 559, 645, 663, 745, 778)
    drawn += [arrow((172, y), (172, y - 42), (426, y - 42), (426, y - 13), fill=ORANGE)]
    y = 286.0
    drawn += [
        panel(190, 200, "A block: three dense blocks", x=14, width=356),
        panel(190, 200, "A dense block: each convolution sees all before it", x=384, width=502),
    ]
    drawn += [text(36, y, "x"), *chain(y, 44, 60, 122, 138, 200, 216, 278, 292, 316, 329, 353, 364)]
    drawn += [box(91 + 78 * i, y, 60, 50, "dense", MIST) for i in range(3)] + [
        sign(304, y, "×"),
        sign(341, y),
    ]
    drawn += [
        text(304, y + 28, "0.2", 12),
        arrow((51, y), (51, y - 48), (341, y - 48), (341, y - 13), fill=ORANGE),
    ]
    drawn += [
        text(
            192,
            y + 78,
            "Shortcuts (orange) lead around every dense\nblock, every block, and all blocks together.",
        )
    ]
    for i in range(5):
        x = 452 + 76 * i
        drawn.append(box(x, y, 48, 44, "3×3\n" + ("64" if i == 4 else "+32")))
        drawn += chain(y, x - (51 if i else 40), x - 25)
        for j in range(i):
            start, high = 452 + 76 * j - 34, y - 30 - 5 * (i - j)
            drawn.append(
                arrow((start, y), (start, high), (x - 8, high), (x - 8, y - 23), fill=LIGHT, r=5, width=1.2)
            )
    drawn += [
        text(404, y, "x"),
        sign(808, y, "×"),
        text(808, y + 28, "0.2", 12),
        sign(848, y),
        *chain(y, 780, 795, 821, 835, 861, 878),
    ]
    drawn += [arrow((410, y + 3), (418, y + 3), (418, y + 54), (848, y + 54), (848, y + 13), fill=ORANGE)]
    drawn += [text(635, y + 84, "Inputs: 64, 96, 128, 160, 192 channels; leaky ReLU after all but the last")]
    y = 492.0
    drawn += [panel(404, 164, "SRGAN: SRResNet", "published size: x4, 64 channels, 16 blocks")]
    drawn += [photo(58, y, 40), text(58, y + 40, "[3, H, W]", 12), box(138, y, 78, 44, "9×9\n3 to 64")]
    drawn += [
        box(292, y, 156, 54, "16 residual blocks\n64 channels, H × W", TEAL),
        box(418, y, 54, 44, "3×3"),
        sign(474, y),
    ]
    drawn += [
        box(572, y, 132, 58, "3×3 to 256,\nshuffled to\n64, 2H × 2W"),
        box(702, y, 84, 58, "the same\n64\n4H × 4W", MIST),
    ]
    drawn += [
        photo(836, y, 72),
        text(836, y + 52, "[3, 4H, 4W]", 12),
        *chain(y, 80, 98, 178, 213, 371, 390, 446, 461, 487, 505, 639, 659, 745, 797),
    ]
    drawn += [
        text(769, y - 14, "9×9", 12),
        arrow((195, y), (195, y - 42), (474, y - 42), (474, y - 13), fill=ORANGE),
    ]
    title = "RRDBNet with its blocks and dense blocks, and SRResNet, each enlarging four times"
    return 582, title, drawn


def restore() -> tuple[int, str, Shapes]:
    """A photo whose faces go through the network, and whose rest may go through an upscaler."""
    title = "Restoring a photo: each face by itself, the rest as it is or through an upscaler"
    top, below = 112.0, 246.0
    drawn = [panel(14, 302, "What restore does with a photo", "dashed: with --background")]
    drawn += [photo(84, 178, 96), text(84, 244, "the photo\nany size", 12, bold=1)]
    drawn += [arrow((136, 160), (160, 160), (160, top), (184, top))]
    drawn += [box(254, top, 136, 58, "each face\nFFHQ crop, 512²", SAND)]
    drawn += chain(top, 324, 360)
    drawn += [box(450, top, 178, 58, "the network\nGFPGAN, RestoreFormer,\nCodeFormer", TEAL)]
    drawn += chain(top, 541, 577)
    drawn += [box(654, top, 152, 58, "back into its place\nsoft edge, colours\nof the photo", SAND)]
    drawn += [arrow((136, 196), (160, 196), (160, below), (360, below), dashed=True)]
    drawn += [box(450, below, 178, 58, "an upscaler\nthe whole photo\n× scale", MIST)]
    drawn += [arrow((541, below), (654, below), (654, top + 31), dashed=True)]
    drawn += [arrow((731, top), (750, top), (750, 166), (766, 166)), photo(820, 166, 96)]
    drawn += [text(820, 240, "restored\nas large, or larger", 12, bold=1)]
    return 330, title, drawn
