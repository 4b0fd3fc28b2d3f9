"""The page: its tabs, and how it looks."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ganedit.studio.drag import Drag
from ganedit.studio.explore import Explore
from ganedit.studio.models import Models
from ganedit.studio.paint import Paint
from ganedit.studio.portrait import Portrait
from ganedit.studio.scripts import DESCRIBE, watch
from ganedit.studio.sound import Sound
from ganedit.studio.text import Text
from ganedit.studio.workshop import Workshop

TITLE = "ganedit studio"
FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]
CSS = """
.gradio-container { width: 100% !important; max-width: 1240px !important; margin: 0 auto !important; }
#title h1 { margin: 0; font-size: 1.5rem; }
#title p { margin: 0; opacity: .75; }
.picture { margin: 0; }
.picture img { width: 100%; border-radius: 10px; display: block; }
.picture figcaption { font-size: .85rem; opacity: .75; margin-top: .25rem; }
.empty { aspect-ratio: 1; display: grid; place-items: center; border: 2px dashed var(--border-color-primary);
         border-radius: 10px; opacity: .6; }
.job { display: grid; gap: .3rem; font-size: .9rem; }
.job progress { width: 100%; height: .6rem; accent-color: var(--primary-600); }
.failed { color: #b91c1c; font-weight: 600; }
.dark .failed { color: #fca5a5; }
.beyond { margin: .2rem 0; color: #b45309; font-size: .9rem; }
.dark .beyond { color: #fbbf24; }
.key { white-space: nowrap; }
.key::before { content: ""; display: inline-block; width: .8em; height: .8em; margin-right: .3em;
               background: var(--c); border: 1px solid #8888; border-radius: 3px; }
#connection { position: fixed; inset: 0 0 auto 0; z-index: 10000; margin: 0; padding: .8rem 1.2rem;
              text-align: center; background: #b91c1c; color: #fff; font: 600 1rem system-ui, sans-serif; }
#connection[hidden] { display: none; }
footer { display: none !important; }
:focus-visible { outline: 3px solid var(--primary-500) !important; outline-offset: 2px; }
@media (prefers-reduced-motion: reduce) { * { animation: none !important; transition: none !important; } }
"""


def look(run: str) -> dict[str, Any]:
    """Options of `launch` for how the page looks. Nothing is fetched from other servers.

    Args:
        run: Name of this run of the server, by which the page knows it.
    """
    theme = gr.themes.Soft(
        primary_hue="teal", secondary_hue="teal", neutral_hue="slate", font=FONTS, font_mono=MONO
    )
    return {"theme": theme, "css": CSS, "js": DESCRIBE, "head": watch(run)}


def build(shop: Workshop) -> gr.Blocks:
    """The page for a workshop."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=False) as page:
        gr.Markdown(
            "# ganedit studio\nEdit faces, pictures and sounds on this computer. Nothing leaves it.",
            elem_id="title",
        )
        face = gr.State(None)
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("Portrait", id="portrait") as tab:
                portrait = Portrait(shop, face, tab)
            with gr.Tab("Drag", id="drag") as tab:
                Drag(shop, face, tab)
            with gr.Tab("Text", id="text") as tab:
                Text(shop, face, tab)
            with gr.Tab("Explore", id="explore"):
                Explore(shop, face, tabs, portrait)
            with gr.Tab("Paint", id="paint"):
                Paint(shop)
            with gr.Tab("Sound", id="sounds"):
                Sound(shop)
            with gr.Tab("Models", id="models-tab"):
                Models(shop)
        page.load(shop.rechoose, None, [made for made, _ in shop.choosers], queue=False)
    page.queue(default_concurrency_limit=4, max_size=64, api_open=False)
    return page
