"""The diagram of docs/bulk.md: one command, many inputs, several processes."""

from __future__ import annotations

from svg import CARD, MIST, SAND, TEAL, Shapes, arrow, box, left, panel, text


def bulk() -> tuple[int, str, Shapes]:
    """Inputs that a parent hands out to workers, and what comes back."""
    title = "Bulk: a parent hands out inputs to workers, which write the results"
    drawn = [panel(14, 372, "ganedit COMMAND photos/ --workers 3", "dashed: results, written by the workers")]
    drawn += [box(100, 200, 140, 92, "inputs\nfolders, globs,\npaths from a pipe", SAND)]
    drawn += [arrow((172, 200), (220, 200))]
    drawn += [
        box(310, 200, 176, 150, "the parent\nhands out inputs in order\nnames, claims of outputs\n"
            "console, progress\nloads no model", TEAL),
    ]  # fmt: skip
    for y, name in ((88, "worker 0"), (200, "worker 1"), (312, "worker 2")):
        drawn += [box(590, y, 168, 64, f"{name}\nthe same command,\nits model loaded once", MIST)]
        corners = [] if y == 200 else [(712, y), (712, 200)]
        drawn += [arrow((676, y), *corners, (748, 200), dashed=True)]
    drawn += [arrow((400, 180), (450, 180), (450, 88), (504, 88)), arrow((400, 200), (504, 200))]
    drawn += [arrow((400, 220), (450, 220), (450, 312), (504, 312))]
    drawn += [text(345, 84, "one input at a time, or a few\nthat are computed together", 12)]
    drawn += [box(812, 200, 124, 78, "the folder of -o\neach file complete\nor not there", SAND)]
    drawn += [arrow((310, 277), (310, 318))]
    drawn += [box(310, 344, 176, 46, "standard output\npaths, in order", CARD)]
    drawn += [left(520, 366, "a worker that dies is replaced, and its input tried again", 12)]
    return 400, title, drawn
