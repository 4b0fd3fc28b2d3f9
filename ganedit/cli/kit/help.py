"""Layout of `--help`: commands by task, options by topic, two examples per command."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup

from ganedit.cli.kit.presets import PRESETS, examples_of

TASKS = {
    "Edit faces": (
        *PRESETS,
        "presets",
        "align",
        "project",
        "edit",
        "drag",
        "studio",
        "clip",
        "latent",
        "direction",
    ),
    "Generate": ("generate", "singan", "interpolate", "mix", "math", "dissect"),
    "Transform images and sounds": (
        "translate",
        "upscale",
        "restore",
        "inpaint",
        "colorize",
        "timbre",
        "draw",
    ),
    "Train and measure": ("train", "classify", "metrics"),
    "Models and files": ("models", "info", "view", "doctor"),
}

GROUPS = {
    "Input": """
        face aligned landmarks seeds rows cols photo data labels label fit mirror limit load_size keep_size
        palette instances input colorization items recursive mask box region positive negative scores pairs
        real skip notes test test_share blend limit_source limit_target attributes holes template like run
        instruments seconds
    """,
    "Model": """
        model background clip classifier encoder mapper vocoder vocoders start resolution size channel_base
        channel_max network set_ z_dim w_dim mapping_layers width d_width blocks downs local local_blocks
        hidden
        features weights
        encoder_norm encoder_width style_dim norm widths embed frames cycles scale residual up upsampling
        patch
    """,
    "Output": """
        output out suffix no_metadata video sheet grid paste fps name name_back about_data terms licence
        source snapshot_kimg sample_kimg spectrograms faces
    """,
    "Global": """
        device dtype workers ray seed json quiet debug force skip_existing no_provenance help
    """,
}
"""Names of options by section of the help; all others are in the section about the method."""
METHOD = "Method"
ORDER = ("Arguments", "Input", "Model", METHOD, "Output", "Global")
_SECTION = {name: section for section, names in GROUPS.items() for name in names.split()}

EXAMPLES = {
    "align": ("ganedit align photos/*.jpg -o crops", "ganedit align group.jpg --face all --like faces"),
    "project": ("ganedit project me.jpg", "ganedit project photos/ --method tune -o codes"),
    "edit": (
        "ganedit edit me.jpg --direction smile --magnitude 2 --paste",
        "ganedit edit me.latent.safetensors --direction age --sweep -3:3:7",
    ),
    "drag": (
        "ganedit drag me.jpg --move 40,80:36,76 --move 88,80:92,76 --paste",
        "ganedit drag seed0007.latent.safetensors --move 64,70:72,70 --video",
    ),
    "studio": ("ganedit studio --open", "ganedit studio --host 0.0.0.0 --port 8000"),
    "presets": ("ganedit presets", "ganedit presets --json"),
    "translate": (
        "ganedit translate horse.jpg --model horse2zebra",
        "ganedit translate sketch.png --model edges2faces",
    ),
    "upscale": ("ganedit upscale small.jpg", "ganedit upscale photos/ --model upscale-x4-gan -o large"),
    "restore": (
        "ganedit restore old.jpg",
        "ganedit restore photos/ --background real-esrgan-x4 --scale 2 -o restored",
    ),
    "inpaint": (
        "ganedit inpaint face.jpg --mask scratch.png",
        "ganedit inpaint street.jpg --mask car.png --model big-lama.ckpt",
    ),
    "classify": ("ganedit classify face-attributes me.jpg", "ganedit classify digits scans/ --json"),
    "colorize": ("ganedit colorize old.jpg", "ganedit colorize scans/ -o colour"),
    "draw edges": ("ganedit draw edges photo.jpg", "ganedit draw edges photos/ --pairs -o pairs"),
    "draw regions": ("ganedit draw regions face.jpg", "ganedit draw regions faces/ -o maps"),
    "draw sketch": ("ganedit draw sketch drawing.jpg", "ganedit draw sketch drawings/ -o clean"),
    "timbre": (
        "ganedit timbre violin.wav --model violin2flute",
        "ganedit timbre film.mp4 --model violin2flute --vocoder griffin-lim",
    ),
    "generate": (
        "ganedit generate --seeds 0-63 --psi 0.7 --grid 8x8",
        "ganedit generate --seeds 5 -o samples",
    ),
    "singan random": (
        "ganedit singan random --count 6",
        "ganedit singan random --model runs/coast/model --size 400x250 --from-scale 1",
    ),
    "singan superres": (
        "ganedit singan superres --model runs/coast/model",
        "ganedit singan superres coast.jpg --model runs/coast/model --factor 2",
    ),
    "singan paint": (
        "ganedit singan paint dots.png",
        "ganedit singan paint sketch.png --model runs/coast/model --scale 2",
    ),
    "singan edit": (
        "ganedit singan edit changed.png --mask m.png --model runs/coast/model",
        "ganedit singan edit changed.png --model runs/coast/model --scale 3",
    ),
    "singan harmonize": (
        "ganedit singan harmonize composite.png --mask m.png --model runs/coast/model",
        "ganedit singan harmonize composite.png --model runs/coast/model --scale 4",
    ),
    "singan animate": (
        "ganedit singan animate",
        "ganedit singan animate --model runs/coast/model --alpha 0.8 --beta 0.9 -o coast.gif",
    ),
    "interpolate": (
        "ganedit interpolate 1 2 3 --loop -o walk.mp4",
        "ganedit interpolate me.jpg you.jpg --steps 9 -o walk.png",
    ),
    "mix": ("ganedit mix --rows 1-4 --cols 5-8", "ganedit mix --rows me.jpg --cols 1-6 --layers fine"),
    "math": ("ganedit math 'seed:1 - seed:2 + seed:3'", "ganedit math '(me.jpg + you.jpg) / 2' -o us.png"),
    "dissect": ("ganedit dissect", "ganedit dissect --layers 3-5 --samples 500 -o report"),
    "clip edit": (
        'ganedit clip edit me.jpg --text "a smiling face" --paste',
        'ganedit clip edit me.jpg --text "an old face" --neutral "a face" --method direction',
    ),
    "clip generate": (
        'ganedit clip generate --text "an old man"',
        'ganedit clip generate --text "a smiling woman" --count 4',
    ),
    "clip direction": (
        'ganedit clip direction "an old person" "a young person" --name years',
        'ganedit clip direction "a smiling face" "a serious face" --preserve age',
    ),
    "clip rank": (
        'ganedit clip rank photos/ --text "a smiling face"',
        'ganedit clip rank samples/*.png --text "an old man" -o ranked.png',
    ),
    "latent import": (
        "ganedit latent import projected_w.npz --model mine --name me",
        "ganedit latent import latents.pt --model mine -o codes",
    ),
    "latent export": (
        "ganedit latent export me.latent.safetensors -o me.npz",
        "ganedit latent export me.latent.safetensors you.latent.safetensors -o both.pt",
    ),
    "direction learn": (
        "ganedit direction learn smile",
        "ganedit direction learn hat --positive with/ --negative without/",
    ),
    "direction discover": (
        "ganedit direction discover --count 8",
        "ganedit direction discover --method ganspace --layers middle",
    ),
    "direction channels": (
        "ganedit direction channels --attribute smile",
        "ganedit direction channels --region mouth -o mouth.png",
    ),
    "direction list": ("ganedit direction list", "ganedit direction list --model faces"),
    "direction show": ("ganedit direction show smile", "ganedit direction show sefa-0 sefa-1 -o sheet.png"),
    "direction measure": (
        "ganedit direction measure smile",
        "ganedit direction measure smile age --photos holiday/",
    ),
    "direction name": (
        "ganedit direction name sefa-3 beard",
        "ganedit direction name faces/7:18 red-lips",
    ),
    "direction info": ("ganedit direction info smile", "ganedit direction info age --json"),
    "direction pull": (
        "ganedit direction pull --model stylegan2-ffhq",
        "ganedit direction pull age smile --model stylegan2-ffhq --mirror ~/Downloads",
    ),
    "direction import": (
        "ganedit direction import age.npy --model mine",
        "ganedit direction import components.npz --model mine",
    ),
    "direction export": (
        "ganedit direction export smile -o smile.npy",
        "ganedit direction export age -o age.pt",
    ),
    "metrics faces": (
        "ganedit metrics faces --data faces.zip",
        "ganedit metrics faces --model mine --data faces.zip --samples 2000",
    ),
    "models list": ("ganedit models list", "ganedit models list --installed"),
    "models pull": (
        "ganedit models pull stylegan2-ffhq-1024",
        "ganedit models pull NAME --mirror downloads/",
    ),
    "models import": (
        "ganedit models import network.pkl --name mine --template ffhq",
        "ganedit models import latest_net_G.pth --name cities --set upsampling=more",
    ),
    "models export": (
        "ganedit models export faces -o faces.safetensors",
        "ganedit models export mine -o mine.pt --format rosinality",
    ),
    "models info": ("ganedit models info faces", "ganedit models info network.pkl"),
    "models verify": ("ganedit models verify", "ganedit models verify faces"),
    "models rm": ("ganedit models rm mine", "ganedit models rm mine --yes"),
    "models path": ("ganedit models path faces", "ganedit models path mine"),
    "view": ("ganedit view me.smile+2.png", "ganedit view smile.safetensors --width 100"),
    "info": ("ganedit info me.smile+2.png", "ganedit info me.latent.safetensors --json"),
    "doctor": ("ganedit doctor", "ganedit doctor --json"),
    "metrics fid": (
        "ganedit metrics fid --model faces --data faces.zip",
        "ganedit metrics fid generated/ photos/ --features inception --also kid,prdc",
    ),
    "metrics kid": (
        "ganedit metrics kid --model faces --data faces.zip",
        "ganedit metrics kid generated/ photos/ --features clip",
    ),
    "metrics is": (
        "ganedit metrics is generated/",
        "ganedit metrics is --model digits --features classifier:digits-classifier",
    ),
    "metrics prdc": (
        "ganedit metrics prdc --model faces --data faces.zip",
        "ganedit metrics prdc generated/ photos/ --neighbours 5",
    ),
    "metrics ppl": (
        "ganedit metrics ppl --model faces",
        "ganedit metrics ppl --model faces --space z --sampling full --features vgg",
    ),
    "metrics ms-ssim": (
        "ganedit metrics ms-ssim --model digits",
        "ganedit metrics ms-ssim photos/ --pairs 1000",
    ),
    "metrics lpips": (
        "ganedit metrics lpips --model faces",
        "ganedit metrics lpips results/ wanted/ --features vgg",
    ),
    "metrics upscale": (
        "ganedit metrics upscale Set5 Set14",
        "ganedit metrics upscale Set5 --model upscale-x4-gan",
    ),
    "metrics inpaint": (
        "ganedit metrics inpaint faces.zip",
        "ganedit metrics inpaint faces.zip --model mine --limit 200",
    ),
    "metrics translate": (
        "ganedit metrics translate horses/ --model horse2zebra --pairs mask",
        "ganedit metrics translate maps/ --model labels2faces --faces close-up --real faces/",
    ),
    "metrics clip": (
        "ganedit metrics clip faces.zip --skip 15500",
        "ganedit metrics clip faces.zip --clip mine --limit 500",
    ),
    "metrics timbre": (
        "ganedit metrics timbre violin/ flute/ --instruments sounds/",
        "ganedit metrics timbre violin/ flute/ --instruments sounds/ --notes notes.csv",
    ),
    "metrics vocoder": (
        "ganedit metrics vocoder violin/ flute/",
        "ganedit metrics vocoder piano/ --vocoders gan,griffin-lim --seconds 5",
    ),
}
EXAMPLES |= {name: examples_of(name) for name in PRESETS}
"""Two examples for the end of a command's help, by the words after `ganedit`."""


class Command(TyperCommand):
    """A command whose help shows options in sections, with examples at the end."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                sections.setdefault(_section_of(parameter), []).append(record)
        for title in ORDER:
            if title in sections:
                with formatter.section(title):
                    formatter.write_dl(sections[title])

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        _write_examples(ctx, formatter)


class Program(TyperGroup):
    """The program, whose help lists commands by task."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for task, names in TASKS.items():
            rows = [(name, self.commands[name].get_short_help_str(80)) for name in names]
            with formatter.section(task):
                formatter.write_dl(rows)


def _section_of(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return "Arguments"
    return _SECTION.get(parameter.name or "", METHOD)


def _write_examples(ctx: Any, formatter: Any) -> None:
    path = ctx.command_path.removeprefix("ganedit ")
    examples = EXAMPLES.get(path, ())
    if path.startswith("train "):
        run = f"runs/{path.split()[1]}"
        examples = (f"ganedit {path} DATA --out {run}", f"ganedit {path} --out {run} --resume")
    if examples:
        with formatter.section("Examples"):
            for line in examples:
                formatter.write(f"{' ' * formatter.current_indent}{line}\n")
