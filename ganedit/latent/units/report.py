"""Report of a dissection: one page of HTML without scripts, with embedded pictures or a folder of them."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ganedit.errors import InputError
from ganedit.files import atomic_path
from ganedit.images.encode import encode
from ganedit.images.io import write_image
from ganedit.images.labels import nearest
from ganedit.images.pixels import resize
from ganedit.images.tensors import from_tensor
from ganedit.latent.sampling import random_codes
from ganedit.latent.units.dissection import LEAST_IOU, Concepts, Dissection, Unit, outlined, top_pictures
from ganedit.latent.units.switching import UnitChange

if TYPE_CHECKING:
    from ganedit.store.models import Generator

SHOWN = 12  # units per concept that are shown with pictures
EXAMPLES = 3  # pictures that illustrate each concept
SIDE = 128  # of the pictures in pixels; the page shows them smaller
QUALITY = 88
PAGE = "index.html"

Keep = Callable[[str, np.ndarray], str]
"""Stores an image under a name, and returns its address for the page."""


def write_report(
    target: str | Path,
    generator: Generator,
    dissection: Dissection,
    concepts: Concepts,
    *,
    model: str = "",
    provenance: dict[str, Any] | None = None,
) -> Path:
    """Write the page of a dissection.

    Args:
        target: `NAME.html`, with embedded pictures; or a folder, for `index.html` and `images/`.
        generator: The dissected generator.
        dissection: The results.
        concepts: The function that located the concepts.
        model: Name of the model for command lines; by default its own.
        provenance: From `images.provenance.provenance`, to be stored in the pictures.

    Returns:
        The page.

    Raises:
        InputError: it cannot be written.
    """
    page = page_of(target)

    def beside(name: str, picture: np.ndarray) -> str:
        path = page.parent / "images" / f"{name}.jpg"
        write_image(path, picture, provenance=provenance, quality=QUALITY)
        return f"images/{name}.jpg"

    def inside(name: str, picture: np.ndarray) -> str:
        data = encode(".jpg", picture, None, False, None, provenance, QUALITY)
        return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"

    keep = inside if page == Path(target) else beside
    text = _Page(generator, dissection, concepts, keep, model or dissection.model).text()
    with atomic_path(page) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return page


def page_of(target: str | Path) -> Path:
    """The path of the page for a target.

    Raises:
        InputError: the target is a file that is not .html.
    """
    target = Path(target)
    if target.suffix.lower() in (".html", ".htm"):
        return target
    if target.is_file():
        raise InputError(f"{target} is a file, but not a page", "name a folder, or NAME.html")
    return target / PAGE


@dataclass
class _Page:
    generator: Generator
    dissection: Dissection
    concepts: Concepts
    keep: Keep
    model: str

    def text(self) -> str:
        dissection = self.dissection
        by_concept = {name: self._units_of(name) for name in dissection.concepts}
        shown = [unit for units in by_concept.values() for unit in units]
        pictures = top_pictures(self.generator, dissection, shown, side=SIDE)
        parts = [
            self._head(),
            self._cards(),
            self._layers(),
            *(self._concept(name, units, pictures) for name, units in by_concept.items()),
            self._all(),
        ]
        title = escape(f"Units of {dissection.model}")
        return _HTML.format(title=title, style=_STYLE, body="\n".join(parts))

    def _units_of(self, concept: str) -> list[Unit]:
        """The units to show with pictures: those that agree with the concept, or its best one."""
        units = [unit for unit in self.dissection.units if unit.concept == concept]
        return [unit for unit in units if self.dissection.agrees(unit)][:SHOWN] or units[:1]

    # ---- parts of the page ----

    def _head(self) -> str:
        dissection = self.dissection
        counts = sum(layer.shape.units for layer in dissection.layers)
        last = dissection.seed + dissection.samples - 1
        active = _percent(1 - dissection.quantile)
        return (
            f"<header><h1>What the units of <em>{escape(dissection.model)}</em> draw</h1><p>{counts:,} units "
            f"of {len(dissection.layers)} layers, over {dissection.samples:,} images (seeds "
            f"{dissection.seed} to {last}, psi {dissection.psi:g}). A unit is active where it is among "
            f"the highest {active} of its own activations. It agrees with a concept where both overlap: IoU "
            f"above {LEAST_IOU:g}, and 1.5 times that of chance.</p></header>"
        )

    def _cards(self) -> str:
        """Illustrates each concept, and tells how many units agree with it."""
        examples = self._examples()
        cards = []
        for name in self.dissection.concepts:
            agreeing = self.dissection.agreeing(name)
            best = max(float(one.iou[:, self._column(name)].max()) for one in self.dissection.layers)
            images = "".join(
                _img(self.keep(f"{self._id(name)}-{i}", x)) for i, x in enumerate(examples[name])
            )
            cards.append(
                f'<a class="card" href="#{self._id(name)}"><span class="strip">{images}</span>'
                f"<b>{escape(name)}</b><span><i>{len(agreeing)}</i> units, best IoU {best:.3f}</span>"
                f"<small>fills {_percent(self.dissection.share(name))} of the images: IoU "
                f"{self.dissection.chance(name):.3f} by chance, at most about "
                f"{self.dissection.most(name):.3f}</small></a>"
            )
        return f'<section class="cards">{"".join(cards)}</section>'

    @torch.no_grad()
    def _examples(self) -> dict[str, list[np.ndarray]]:
        """Pictures with each concept outlined."""
        dissection = self.dissection
        seeds = range(dissection.seed, dissection.seed + min(EXAMPLES, dissection.samples))
        codes = random_codes(self.generator, len(seeds), psi=dissection.psi, seed=dissection.seed)
        images = self.generator.synthesis(codes[:, None].expand(-1, self.generator.num_ws, -1))
        pixels = np.stack([from_tensor(image) for image in images])
        large = [resize(picture, SIDE) for picture in pixels]
        return {
            name: [
                outlined(picture, nearest(mask, (SIDE, SIDE)))
                for picture, mask in zip(large, masks, strict=True)
            ]
            for name, masks in self.concepts(pixels, list(seeds)).items()
        }

    def _layers(self) -> str:
        """Table of layers and concepts: how many units agree, and how well the best one does."""
        dissection = self.dissection
        units = dissection.units
        rows = []
        for layer in dissection.layers:
            cells = []
            for name in dissection.concepts:
                here = [u for u in units if (u.layer, u.concept) == (layer.shape.layer, name)]
                count = sum(dissection.agrees(unit) for unit in here)
                best = float(layer.iou[:, self._column(name)].max())
                shade = f' style="--heat:{min(count / 12, 1):.2f}"' if count else ' class="none"'
                cells.append(f"<td{shade}><b>{count}</b><small>{best:.3f}</small></td>")
            label = (
                f"layer{layer.shape.layer}<small>{layer.shape.inside} px, {layer.shape.units} units</small>"
            )
            rows.append(f"<tr><th>{label}</th>{''.join(cells)}</tr>")
        head = "".join(f"<th>{escape(name)}</th>" for name in dissection.concepts)
        return (
            "<section><h2>By layer</h2><p>How many units agree, and below it the best IoU of any unit.</p>"
            f'<table class="layers"><tr><th></th>{head}</tr>{"".join(rows)}</table></section>'
        )

    def _concept(
        self, name: str, units: Sequence[Unit], pictures: Mapping[tuple[int, int], list[np.ndarray]]
    ) -> str:
        dissection = self.dissection
        agreeing = dissection.agreeing(name)
        changes = dissection.suggestion(name)
        note = f"{len(agreeing)} units agree" + (f"; the {SHOWN} best" if len(agreeing) > SHOWN else "")
        if changes:
            note += f". To see them go:<code>{escape(try_line(changes, self.model))}</code>"
        else:
            note = "No unit agrees. " + (limit_of(dissection, name) or "The nearest one:")
        widest = max((unit.iou for unit in units), default=1) or 1
        cards = "".join(
            self._unit(unit, pictures[unit.layer, unit.number], unit.iou / widest) for unit in units
        )
        return (
            f'<section id="{self._id(name)}"><h2>{escape(name)}</h2><div class="note">{note}</div>'
            f'<div class="units">{cards}</div></section>'
        )

    def _unit(self, unit: Unit, pictures: Sequence[np.ndarray], width: float) -> str:
        sources = [
            self.keep(f"layer{unit.layer}-{unit.number}-{i}", picture) for i, picture in enumerate(pictures)
        ]
        seeds = ", ".join(map(str, unit.top))
        return (
            f'<figure title="seeds {seeds}"><figcaption><b>layer{unit.layer}:{unit.number}</b>'
            f"<span>IoU {unit.iou:.3f}</span></figcaption>"
            f'<div class="bar"><span style="width:{width:.0%}"></span></div>'
            f'<div class="strip">{"".join(map(_img, sources))}</div></figure>'
        )

    def _all(self) -> str:
        dissection = self.dissection
        rows = "".join(
            f"<tr><td>layer{u.layer}:{u.number}</td><td>{escape(u.concept)}</td><td>{u.iou:.3f}</td>"
            f"<td>{', '.join(map(str, u.top))}</td></tr>"
            for u in dissection.units
            if dissection.agrees(u)
        )
        head = "<tr><th>unit</th><th>concept</th><th>IoU</th><th>seeds of its highest images</th></tr>"
        return f"<details><summary>All units that agree</summary><table>{head}{rows}</table></details>"

    def _column(self, concept: str) -> int:
        return self.dissection.concepts.index(concept)

    def _id(self, concept: str) -> str:
        """Identifier of a concept for files and links."""
        return f"concept{self._column(concept)}"


def try_line(changes: Sequence[UnitChange], model: str) -> str:
    """A command that shows the effect of suggested changes."""
    named = "" if model == "faces" else f" --model {shlex.quote(model)}"
    ablated = "".join(f" --ablate {change}" for change in changes)
    return f"ganedit edit me.jpg{named}{ablated} --sheet"


def limit_of(dissection: Dissection, concept: str) -> str:
    """Why no unit can agree with a concept; empty if some can."""
    if dissection.most(concept) > dissection.least(concept):
        return ""
    share, active = _percent(dissection.share(concept)), _percent(1 - dissection.quantile)
    return (
        f"{concept} fills {share} of the images, and a unit is active in {active}: no IoU can exceed about "
        f"{dissection.most(concept):.3f}. A lower --quantile such as 0.8 lets it."
    )


def _img(source: str) -> str:
    return f'<img src="{source}" width="{SIDE}" height="{SIDE}" alt="" loading="lazy">'


def _percent(share: float) -> str:
    return f"{share:.1%}" if share < 0.1 else f"{share:.0%}"


_STYLE = """
:root{color-scheme:light dark;
--ink:#222;--faint:#6b6b68;--paper:#fafaf8;--tile:#fff;--line:#e4e3de;--mark:#b7791f}
@media(prefers-color-scheme:dark){
:root{--ink:#eee;--faint:#a3a29c;--paper:#17181a;--tile:#202226;--line:#34363b;--mark:#f0c05a}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1240px;padding:2.5rem 1.5rem 4rem;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
h1{font-size:2rem;margin:0 0 .4rem;letter-spacing:-.02em}h1 em{font-style:normal;color:var(--mark)}
h2{font-size:1.35rem;margin:2.6rem 0 .4rem;text-transform:capitalize}
header p,section>p,.note{max-width:52rem;color:var(--faint);margin:.2rem 0 1rem}
img{display:block;width:100%;height:auto;border-radius:4px}
.strip{display:grid;grid-template-columns:repeat(3,1fr);gap:3px}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(300px,1fr));gap:14px;margin-top:1.6rem}
.card,figure{background:var(--tile);border:1px solid var(--line);border-radius:10px;padding:12px;margin:0}
.card{display:flex;flex-direction:column;gap:4px;color:inherit;text-decoration:none}
.card:hover{border-color:var(--mark)}.card b{font-size:1.1rem;text-transform:capitalize;margin-top:4px}
.card i{font-style:normal;font-weight:700;color:var(--mark)}small{color:var(--faint);font-size:12px}
.units{display:grid;grid-template-columns:repeat(auto-fill,minmax(260px,1fr));gap:14px}
figcaption{display:flex;justify-content:space-between}figcaption span{color:var(--faint)}
.bar{height:4px;border-radius:2px;background:var(--line);margin:6px 0 9px}
.bar span{display:block;height:100%;border-radius:2px;background:var(--mark)}
code{display:block;margin-top:.5rem;padding:.6rem .8rem;border-radius:8px;background:var(--tile);
border:1px solid var(--line);color:var(--ink);font:13px ui-monospace,Menlo,Consolas,monospace;overflow-x:auto}
table{border-collapse:separate;border-spacing:4px;font-variant-numeric:tabular-nums}
th{font-weight:600;text-align:left;padding:2px 10px 2px 0}th small{display:block;font-weight:400}
.layers td,.layers tr:first-child th{text-align:center;min-width:92px}
.layers td{padding:5px 8px;border-radius:7px;
background:color-mix(in srgb,var(--mark) calc(var(--heat,0)*70%),var(--tile))}
.layers td small{display:block;color:inherit;opacity:.75}.layers .none{color:var(--faint);opacity:.55}
details{margin-top:2.6rem}summary{cursor:pointer;font-weight:600}details td{padding:1px 18px 1px 0}
"""

_HTML = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>{style}</style></head>
<body>
{body}
</body>
</html>
"""
