"""How long the page of `ganedit studio` takes to answer a slider, in headless Chromium.

python benchmarks/studio.py [--model faces] [--moves 40] [--dtype auto]

It starts a server of its own, takes a sample under the sliders, and moves `smile`. Milliseconds are from the
event of the slider to the decoded new picture in the browser, one after the other; of them, processor time of
the server. Needs `pip install "ganedit[browser]"` and Chromium.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import sync_playwright

MOVE = """
([slider, to]) => new Promise(done => {
  const image = () => document.querySelector('#preview img');
  const old = image().src, began = performance.now();
  const watch = new MutationObserver(async () => {
    if (!image() || image().src === old) return;
    watch.disconnect();
    await image().decode();
    done(performance.now() - began);
  });
  watch.observe(document.querySelector('#preview'), {childList: true, subtree: true, attributes: true});
  slider.value = to;
  slider.dispatchEvent(new Event('input', {bubbles: true}));
})
"""
"""Moves a slider; resolves to the milliseconds until the new picture."""
WARM = 5  # moves before the measured ones


def main() -> None:
    args = parse()
    with served(args) as (process, address), sync_playwright() as started:
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(240_000)
        page.goto(address)
        take_sample(page, args.model)
        slider = page.locator("#slider-smile input[type=range]").element_handle()
        values = [round(0.1 * (1 + n % 20), 1) for n in range(args.moves + WARM)]
        for value in values[:WARM]:
            page.evaluate(MOVE, [slider, value])
        before = processor_ms(process.pid)
        waited = sorted(page.evaluate(MOVE, [slider, value]) for value in values[WARM:])
        own = (processor_ms(process.pid) - before) / args.moves
        browser.close()
    late = waited[int(0.9 * len(waited))]
    print(
        f"{args.model}, {args.moves} moves: median {statistics.median(waited):.0f} ms, "
        f"least {waited[0]:.0f}, nine in ten below {late:.0f}; processor time of the server {own:.0f} ms each"
    )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="faces")
    parser.add_argument("--moves", type=int, default=40)
    parser.add_argument("--dtype", default="auto", help="as for ganedit")
    return parser.parse_args()


@contextmanager
def served(args: argparse.Namespace) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server and its address, while the context lasts."""
    command = [sys.executable, "-m", "ganedit", "studio", "--device", "cpu", "--dtype", args.dtype]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(60)


def take_sample(page: Any, model: str) -> None:
    """Have the sample of seed 1 under the sliders."""
    page.get_by_role("tab", name="Explore", exact=True).click()
    if model != "faces":
        page.get_by_label("Generator").locator("visible=true").click()
        page.get_by_role("option", name=model, exact=True).click()
    page.locator("#keep textarea, #keep input").fill("1")
    page.get_by_role("button", name="Edit it in Portrait").click()
    page.locator("#slider-smile").wait_for()


def processor_ms(pid: int) -> float:
    """Milliseconds of the processor that a process has used, with all its threads."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
