"""A copy of the book with tiny, made-up chapters, for the tests of its pages."""

import base64
import io
import itertools
import json
import re
import shutil
import sys
from functools import cache
from pathlib import Path

import ipywidgets as w
import yaml
from ipywidgets.embed import embed_data
from matplotlib.figure import Figure

from hlnb.code import digest
from hlnb.page import show
from hlnb.publishing import freshness, notebooks
from hlnb.publishing.chapters import Chapter

ROOT = Path(__file__).parents[1]
STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"
COUNT = itertools.count()
SHA = "0123456789abcdef" * 4
SOURCES = """\
- source: the notes
  title: Made-up notes
  cite: glasgow
  chapters: [8, 2]
"""
FIGURES = """\
- shows: A curve
  quote: the following curve
  announced: true
  figures: [fig-01_hierarchical_learning]
  drawings: [fig-notes-dog]
  note: It is made up.
- shows: A chapter
  quote: what one would draw
  announced: false
  chapters: [02_toy_problem_1]
  note: It is made up, too.
"""
CLASS = """\
title: A made-up class
minutes: 10
about: For students of {cite:t}`glasgow`.
pictures: notes_figures
parts:
  - title: First
    slides:
      - title: A picture
        minutes: 1
        figure: fig-01_hierarchical_learning
        text: It rises to {glue:text}`01_hierarchical_learning.ipynb::half:.3f`.
        notes: Told-to-the-speaker.
        rests_on: {02-a: reproduced}
      - title: A question
        minutes: 4
        text: How far does $x^2$ rise?
        choices: [to one half, to a quarter]
        right: 2
        answer: To {glue:text}`02_toy_problem_1.ipynb::half:.2f`.
        figure: film-2-1
  - title: Second
    slides:
      - title: A proof
        minutes: 3
        text: At the board.
        see: thm-02-squares
        steps: [First-step $y^2$., Second-step.]
      - title: Live
        minutes: 1
        demo: made-up
        figure: fig-notes-dog
      - title: The end
        minutes: 1
        text: All of it.
"""
MOVED = """\
- from: 01_hierarchical_learning
  to: 02_toy_problem_1
  places: {gone: a-section, a-section: a-section}
"""
MAP = """\
- problem: One problem
  chapter: 02_toy_problem_1
  alone: "epochs: {02-a}; less than {02-d}"
  together: "fewer than four"
- problem: In a chapter that is not there
  chapter: 99_nowhere
  together: "{99-a}"
"""
FOUND = """\
- title: What was found
  chapter: 02_toy_problem_1
  text: "It takes {02-a} epochs."
  rests_on: {02-a: reproduced, 02-b: not reproduced}
- title: In a chapter that is not there
  chapter: 99_nowhere
  text: "{99-a}"
  rests_on: {99-a: reproduced}
"""
METADATA = ("goals", "needs", "smoke", "ranges", "seminar")
RANGES = {
    "lr": {"range": [0.001, 1], "effect": "Larger is faster, up to a point."},
    "dataset": {"range": {"choices": ["cifar10", "shapes"]}, "effect": "Others."},
}
SEMINAR = {
    "sections": {"A section": 20},
    "before": "Run `hlnb run 01 --smoke`.",
    "wrong": [["It falls.", "It rises: look at $x^2$."]],
}
CURVE = [
    ("panel", "kind", "series", "x", "y", "value"),
    ("1: ", "line", "curve", "0", "0", ""),
]
NAMES = ["01_hierarchical_learning", "02_toy_problem_1", "08_cifar_filters"]


def make(folder: Path) -> Path:
    """The folder, which now holds the book's own pages and made-up chapters."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("_config.yml", "genindex.md"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(
        ROOT / "book",
        folder / "book",
        ignore=shutil.ignore_patterns("chapters", "node_modules", "__pycache__"),
        dirs_exist_ok=True,
    )
    if (fetched := ROOT / "_build" / "assets").is_dir():
        shutil.copytree(fetched, folder / "_build" / "assets", dirs_exist_ok=True)
    for stray in (".cache", "runs", "notebooks"):  # no pages, whatever lies there
        (folder / stray).mkdir(exist_ok=True)
        (folder / stray / "README.md").write_text("# Not a page")
    pages = folder / "book"
    for part in (pages / "intro.md", *(pages / "parts").glob("*.md")):
        # the made-up chapters have figures of their own; a page shows each once
        name = f"fig-{NAMES[2 if part.stem == 'intro' else 0]}"
        part.write_text(
            re.sub(r"picture fig-[\w-]+", f"picture {name}", part.read_text())
        )
    (folder / "book" / "map.yml").write_text(MAP)
    (folder / "book" / "findings.yml").write_text(FOUND)
    (folder / "book" / "statements.yml").write_text(SOURCES)
    (folder / "book" / "notes_figures.yml").write_text(FIGURES)
    (folder / "book" / "moved.yml").write_text(MOVED)
    (folder / "book" / "exercises.yml").write_text("")
    for name in ("notes", "report"):
        (folder / "book" / f"class_{name}.yml").write_text(CLASS)
    (folder / "benchmarks").mkdir(exist_ok=True)
    for name in ("latest.json", "robust.json", "redraw.json"):
        shutil.copy(ROOT / "benchmarks" / name, folder / "benchmarks")
    chapters = folder / "book" / "chapters"
    chapters.mkdir(exist_ok=True)
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf8"))
    for part in toc["parts"]:
        part["chapters"] = [
            c
            for c in part["chapters"]
            if not c["file"].startswith("book/chapters/")
            or Path(c["file"]).name in NAMES
        ]
        if not any("chapters/" in c["file"] for c in part["chapters"]):
            part["chapters"] = [
                c for c in part["chapters"] if "parts/" not in c["file"]
            ]
    toc["parts"] = [part for part in toc["parts"] if part["chapters"]]
    (folder / "_toc.yml").write_text(yaml.safe_dump(toc, sort_keys=False))
    for i, name in enumerate(NAMES):
        notebook = chapter(name, needs=[*NAMES[:i], "the chain rule"])
        source = folder / "notebooks" / f"{name}.ipynb"
        source.write_bytes(notebooks.to_bytes(clean(notebook)))
        execute(Chapter(source), notebook, provenance(i))
    return folder


def execute(chapter: Chapter, executed: dict, record: dict, *, code: str = "") -> None:
    """Writes a chapter's copy with the outputs of `executed`, as a run would do.

    `code`: another key of the package than that of now, which has overtaken it then.
    """
    keys = freshness.keys(chapter, {})
    keys = keys._replace(code=code or keys.code)
    woven = notebooks.weave(chapter.notebook, executed, keys=keys, parameters={})
    copy = chapter.root / "book" / "chapters" / chapter.path.name
    copy.write_bytes(notebooks.to_bytes(woven))
    digests = {"outputs": freshness.outputs_digest(woven), "results": digest([])}
    record = record | keys._asdict() | digests
    copy.with_suffix(".provenance.json").write_text(json.dumps(record, indent=1))


def overtake(folder: Path, name: str, **more: str | dict) -> None:
    """Makes a chapter one that code of the package has overtaken.

    `more`: further entries of its provenance.
    """
    chapter = Chapter(folder / "notebooks" / f"{name}.ipynb")
    copy = folder / "book" / "chapters" / f"{name}.ipynb"
    record = json.loads(copy.with_suffix(".provenance.json").read_text("utf8"))
    executed = json.loads(copy.read_text("utf8"))
    execute(chapter, executed, record | more, code=SHA)


def chapter(name: str, *, needs: list[str]) -> dict:
    """An executed chapter with a figure, a film, a glued number, claims and data."""
    png = picture(0.5)
    film = film_of([picture(0.2 * i) for i in range(1, 5)])
    embedded = embed_data(views=[film])
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "kernelspec": {
                "name": "python3",
                "display_name": "Python 3",
                "language": "python",
            },
            "language_info": {"name": "python"},
            "widgets": {STATE: embedded["manager_state"]},
            "hlnb": {
                "goals": ["Draw one curve.", "Say what $x^2$ is at one half."],
                "needs": needs,
                "smoke": {"seeds": 1, "widths": [2, 4]},
                "ranges": RANGES,
                "seminar": SEMINAR,
            },
        },
        "cells": [
            markdown(
                f"# A made-up chapter {name[:2]}\n\nIt follows {{cite:t}}`glasgow`.\n\n"
                "## A section\n\nLet $f(x) = x^2$ on a toy problem, or on "
                "toy problems:\n\n"
                "$$\ny = x^2\n$$\n\n"
                f"```{{prf:theorem}} Squares\n:label: thm-{name[:2]}-squares\n"
                "They are positive.\n```\n\n```{prf:proof}\nTwo signs.\n```\n\n"
                f"By {{prf:ref}}`thm-{name[:2]}-squares`, and so on.\n\n"
                "| statement of the notes | where | verdict |\n|---|---|---|\n"
                f"| $x \\mid y$ in {name[:2]} | *A section* | {{glue:text}}`half:.2f` |"
            ),
            code(
                "seeds: int = 5  # runs, one *seed* each\n"
                "lr: float = 0.1  # step size `lr`, on the mean loss | see $x$\n"
                "widths: list[int] = [4, 8, 16]  # units of the hidden layer\n"
                'dataset: str = "cifar10"  # "cifar10" or "shapes"\n'
                "noise: bool = False  # pixels outside the patterns carry noise",
                tags=["parameters"],
            ),
            code(
                "draw(curve)",
                display(
                    {"image/png": png, notebooks.NUMBERS: show.packed(CURVE)},
                    {
                        "hlnb": {
                            "alt": "A parabola that opens upwards.",
                            "caption": "The curve $x^2$.",
                            "name": f"fig-{name}",
                        },
                        "image/png": {"width": 500, "height": 250},
                    },
                ),
                display({"text/markdown": "| beside |\n|---|\n| the figure |"}),
            ),
            markdown(
                f"See {{numref}}`fig-{name}`. The value is {{glue:text}}`half:.3f`.\n\n"
                "| a | b |\n|---|---|\n| 1 | 2 |"
            ),
            code(
                'glue("half", 0.25, display=False)',
                display(
                    {"application/papermill.record/text/plain": "0.25"},
                    {
                        "scrapbook": {
                            "mime_prefix": "application/papermill.record/",
                            "name": "half",
                        }
                    },
                ),
            ),
            code(
                "film(frames)",
                display({VIEW: embedded["view_specs"][0], "text/plain": "VBox()"}),
            ),
            code(
                "widget.show()",
                display({"text/html": choices(png), "text/plain": "explorer"}),
            ),
            code(
                "show(claims)",
                display(
                    {
                        "application/vnd.hlnb.claims+json": claims(name),
                        "text/markdown": "| claim | ours |\n|---|---|\n| $x$ | 1 |",
                    }
                ),
                display(
                    {
                        "application/vnd.hlnb.data+json": {
                            "name": "CIFAR-10",
                            "sha256": SHA,
                            "note": "all of it",
                        },
                        "text/markdown": "Data: CIFAR-10.",
                    }
                ),
                tags=["claims"],
            ),
        ],
    }


def choices(png: str) -> str:
    """The skeleton of a widget of choices."""
    return (
        '<div class="hlnb-choices hlnb-explorer"><p>Made up.</p>'
        '<img class="hlnb-frame" alt="A card." '
        f'src="data:image/png;base64,{png}"></div>'
    )


def claims(name: str) -> list[dict]:
    """Four claims, one of each verdict."""
    common = {"unit": "epochs", "low": 3.0, "high": 6.0, "n": 5, "note": ""}
    long = "Simultaneous training of all layers reaches a test error of at most 0.1."
    return [
        {
            "id": f"{name[:2]}-a",
            "source": "glasgow, Table 1",
            "statement": long,
            "theirs": "4",
            "ours": 4.0,
            "verdict": "reproduced",
        }
        | common,
        {
            "id": f"{name[:2]}-b",
            "source": "glasgow, Property 3",
            "statement": r"The first layer travels far, $\|W_t - W_0\|_F \geq 1$.",
            "theirs": "≥ 1",
            "ours": 0.6912,
            "verdict": "not reproduced",
        }
        | common
        | {"unit": "", "low": 0.5, "high": 0.8},
        {
            "id": f"{name[:2]}-c",
            "source": "glasgow, Table 1",
            "statement": "The interpretability is negative.",
            "theirs": "< 0",
            "ours": -0.02,
            "verdict": "partly",
        }
        | common
        | {"unit": "", "low": -0.1, "high": 0.2},
        {
            "id": f"{name[:2]}-d",
            "source": "theodosis2021notes, Figure 2",
            "statement": "Lower layers are learned first.",
            "theirs": "N/A",
            "ours": None,
            "verdict": "not testable here",
        }
        | common
        | {"low": None, "high": None, "n": 0, "note": "No layer is defined here."},
    ]


def provenance(i: int) -> dict:
    """What the runner writes beside an executed chapter."""
    return {
        "date": "2026-11-23",
        "seconds": 7.4 * 10**i,
        "python": "3.11.7",
        "system": "Linux x86_64",
        "cpu": "A processor @ 2.40GHz",
        "cores": 2,
        "threads": 1,
        "packages": {"torch": "2.13.0", "numpy": "2.4.6", "hlnb": "0.1.0"},
        "data": [{"name": "CIFAR-10", "sha256": SHA, "note": "all of it"}] * (i == 2),
        "profile": "published",
    }


def clean(notebook: dict) -> dict:
    """The source of an executed notebook."""
    cells = [
        c | {"outputs": [], "execution_count": None} if c["cell_type"] == "code" else c
        for c in notebook["cells"]
    ]
    about = {k: notebook["metadata"]["hlnb"][k] for k in METADATA}
    metadata = {"hlnb": about, "kernelspec": notebook["metadata"]["kernelspec"]}
    return notebook | {"cells": cells, "metadata": metadata}


def markdown(source: str) -> dict:
    return {"cell_type": "markdown", "metadata": {}, "source": source, "id": uid()}


def code(source: str, *outputs: dict, **metadata) -> dict:
    return {
        "cell_type": "code",
        "execution_count": 1,
        "id": uid(),
        "metadata": metadata,
        "outputs": list(outputs),
        "source": source,
    }


def display(data: dict, metadata: dict | None = None) -> dict:
    return {"output_type": "display_data", "data": data, "metadata": metadata or {}}


def uid() -> str:
    return f"cell{next(COUNT):06d}"


@cache
def picture(height: float) -> str:
    """A small plot as base64."""
    figure = Figure(figsize=(5, 2.5))
    axes = figure.subplots()
    x = [i / 20 for i in range(21)]
    axes.plot(x, [height * v**2 for v in x])
    axes.set(xlabel="x", ylabel="x²", ylim=(0, 1))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=192)  # two pixels for one of CSS
    return base64.b64encode(buffer.getvalue()).decode()


def film_of(frames: list[str]) -> w.VBox:
    """A slider that changes the picture without a kernel."""
    pictures = [
        w.HTML(f'<img alt="Curve {i}." src="data:image/png;base64,{f}">')
        for i, f in enumerate(frames)
    ]
    stack = w.Stack(pictures, selected_index=0)
    slider = w.SelectionSlider(
        options=[(str(2**i), i) for i in range(len(frames))],
        description="epoch",
        continuous_update=True,
    )
    w.jslink((slider, "index"), (stack, "selected_index"))
    return w.VBox([slider, stack])


if __name__ == "__main__":
    print(make(Path(sys.argv[1])))
