"""What the book adds to Jupyter Book 1: generated parts, offline assets, mends."""

import json
import re
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import unquote

import pybtex.database
import yaml
from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform

from hlnb.errors import HlnbError
from hlnb.publishing import copies, exercises, notebooks, replication
from hlnb.publishing.render import (
    assets,
    executed,
    films,
    folds,
    formulas,
    head,
    labs,
    loads,
    moved,
    parts,
    pictures,
    search,
)
from hlnb.publishing.render import text as prose
from hlnb.publishing.render.claims import claim_table, claim_tables, total, totals
from hlnb.publishing.render.left_out import LeftOut
from hlnb.publishing.render.speed import speed
from hlnb.publishing.slides import classes

FOLDER = "book/chapters/"


def offline(app, config):
    """Fonts and scripts come from the book's own files."""
    root = Path(app.srcdir)
    if not (root / "notebooks").is_dir():  # `jupyter-book build` of a page
        raise ExtensionError(
            "A page alone cannot be rendered, as its numbers and references come from "
            "the whole book: run `hlnb build`."
        )
    if folder := assets.static_folder(root):
        config.html_static_path.append(str(folder.relative_to(root)))
        config.html_css_files.append("formulas.css")  # it asks for the font


def open_converter(app):
    """What makes MathML of formulas, for as long as the build takes."""
    stack = ExitStack()
    app.hlnb_mathml = stack.enter_context(formulas.converter(Path(app.srcdir)))
    app.connect("build-finished", lambda *_: stack.close())


def read_book(app):
    """Read every executed chapter once, before the pages ask for them."""
    root = Path(app.srcdir)
    try:
        app.hlnb_chapters = {c.name: c for c in executed.load(root)}
        others = {n: c for n, c in app.hlnb_chapters.items() if not c.listed}
        app.hlnb_left_out = LeftOut(others)
        app.hlnb_claims = replication.with_sets(root, copies.claims(root))
        bibliography = pybtex.database.parse_file(root / app.config.bibtex_bibfiles[0])
        sources = {k: e.fields["title"] for k, e in bibliography.entries.items()}
        app.hlnb_titles = {k: re.sub("[{}]", "", title) for k, title in sources.items()}
        app.hlnb_terms = prose.terms((root / "book/glossary.md").read_text("utf8"))
        app.hlnb_found = {}  # what the search reads, by page
        app.hlnb_moves = yaml.safe_load((root / "book/moved.yml").read_text("utf8"))
    except (OSError, KeyError, TypeError, ValueError, HlnbError) as error:
        raise ExtensionError(
            f"An executed chapter cannot be read ({type(error).__name__}: {error}); "
            "run `hlnb check`, then `hlnb run`."
        ) from error


NAMES = "book/api"  # the page of the package's names
PART = re.compile(
    r"(?m)^\{\{ hlnb\."
    r"(?:(?P<kind>class|code|picture|widget) (?P<name>[\w.-]+)|(?P<part>\w+)) \}\}$"
)


def generate(app, docname, source):
    """A chapter gets its head and its stamp, a page its tables and pictures."""
    chapters, claims = app.hlnb_chapters, app.hlnb_claims
    left_out, root = app.hlnb_left_out, Path(app.srcdir)
    listed = {name: c for name, c in chapters.items() if c.listed}
    found = list(listed.values())
    every = [*found, *left_out.chapters.values()]  # pages show pictures of any
    if docname.startswith(FOLDER):
        chapter = chapters[docname.removeprefix(FOLDER)]
        notebook = frame(source[0], chapter, known=chapters, claims=claims)
        notebook = left_out.bridge(notebook)
        source[0] = json.dumps(teach(notebook, chapter, terms=app.hlnb_terms))
        return
    made = {
        "chapters": lambda: parts.chapter_list(found),
        "status": lambda: parts.status(found),
        "parameters": lambda: parts.parameters(found),
        "seminar": lambda: parts.seminar(found),
        "statements": lambda: parts.statements(
            found, yaml.safe_load((root / "book/statements.yml").read_text("utf8"))
        ),
        "notes_figures": lambda: pictures.of_the_notes(
            every, yaml.safe_load((root / "book/notes_figures.yml").read_text("utf8"))
        ),
        "theorems": lambda: parts.theorems(found),
        "exercises": lambda: exercises.listed(found, exercises.catalogue(root)),
        "speed": lambda: speed(root),
        "total": lambda: total(claims),
        "totals": lambda: totals(claims),
        "map": lambda: with_numbers(parts.book_map, "map"),
        "findings": lambda: with_numbers(parts.findings, "findings"),
        "claims": lambda: claim_tables(claims, known=chapters, titles=app.hlnb_titles),
    }

    def with_numbers(make, name):
        rows = yaml.safe_load((root / f"book/{name}.yml").read_text("utf8"))
        return make(rows, [*claims, *left_out.claims], known=listed)

    def part(match):
        if match["kind"] == "class":
            source = root / f"book/class_{match['name']}.yml"
            return classes.page(source, every, [*claims, *left_out.claims])
        if match["kind"] == "code":
            return parts.source(match["name"])
        if match["kind"] == "picture":
            return parts.picture(match["name"], every, root=root)
        if match["kind"] == "widget":
            return parts.widget(match["name"], every)
        return made[match["part"]]()

    try:
        source[0] = left_out.bridged(re.sub(PART, part, source[0]))
    except (OSError, KeyError, HlnbError) as error:
        raise ExtensionError(f"{docname}: {error}") from error


def teach(notebook, chapter, *, terms):
    """The notebook with numbered equations, linked terms and tables for a phone."""
    cells = [c for c in notebook["cells"] if c["cell_type"] == "markdown"]
    texts = ["".join(cell["source"]) for cell in cells]
    texts = prose.label_equations(texts, f"{chapter.number:02d}")
    for cell, text in zip(cells, prose.link_terms(texts, terms), strict=True):
        cell["source"] = parts.with_cards(text)
    return notebook


def frame(text, chapter, *, known, claims):
    """The notebook with its number in the title, its head and its stamp."""
    notebook = json.loads(text)
    cells = notebook["cells"]
    films.shown(notebook, chapter=chapter.number)
    banner, below = head.banner(chapter), head.head(chapter, known, claims=claims)
    above, _, text = re.split(r"(?m)^(# .*)$", "".join(cells[0]["source"]), maxsplit=1)
    title = "\n\n".join([f"{above}# {chapter.numbered_title}", banner])
    if not text.strip() and cells[1]["cell_type"] == "markdown":
        text = "".join(cells.pop(1)["source"])
    cells[0]["source"] = f"{title}\n\n{head.after_the_finding(text, below, chapter)}"
    for cell in cells:
        tags = cell["metadata"].setdefault("tags", [])
        if hidden(cell, tags):
            tags.append("hide-input")
        if "outputs" in cell:
            cell["outputs"] = shown_of(cell["outputs"])
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if shown := data.pop(notebooks.CLAIMS, None):
                data["text/markdown"] = claim_table(shown)
            for mime in (notebooks.DATA, notebooks.NUMBERS):  # for machines
                data.pop(mime, None)
            output.get("metadata", {}).pop("image/png", None)  # its size, in Jupyter
    notebook["cells"] = cells = [part for cell in cells for part in apart(cell)]
    foot = {"cell_type": "markdown", "metadata": {}, "source": head.foot(chapter)}
    if notebook["nbformat_minor"] >= 5:
        foot["id"] = "hlnb-foot"
    cells.append(foot)
    return notebook


def shown_of(outputs):
    """Outputs without the value of a cell's last line, which is no part of the page."""
    return [o for o in outputs if o.get("output_type") != "execute_result"]


def apart(cell):
    """The cell, and what it shows beside its figure in a cell of its own.

    MyST-NB gives the name and the caption of a cell's figure to each of its outputs.
    """
    if "figure" not in cell["metadata"].get("mystnb", {}):
        return [cell]
    pictures = notebooks.images(cell["outputs"])
    others = [o for o in cell["outputs"] if o not in pictures]
    if not any("scrapbook" not in o.get("metadata", {}) for o in others):
        return [cell]
    tags = [t for t in cell["metadata"].get("tags", []) if t == "claims"]
    rest = cell | {
        "id": f"{cell['id']}-rest",
        "source": "# shown beside the figure above",
        "outputs": others,
        "metadata": {"tags": ["remove-input", *tags]},
    }
    return [cell | {"outputs": pictures}, rest]


def hidden(cell, tags):
    """Whether a cell's code is folded: a reader follows the argument without it."""
    if cell["cell_type"] != "code" or {"remove-input", "hide-input"} & set(tags):
        return False
    told = {"parameters", "claims", "solution"} & set(tags)
    shows = [o for o in cell["outputs"] if "image/png" in o.get("data", {})]
    return bool(told or shows) or folds.plumbing("".join(cell["source"]))


def fold(app, doctree):
    """What of a chapter is folded; other pages are looked up, not read through."""
    if app.env.docname.startswith(FOLDER):
        folds.fold(doctree)


class Typeset(SphinxPostTransform):
    """Numbers of the running text as print has them, glued ones as well."""

    default_priority = 900  # when the numbers of other chapters are in place

    def run(self, **_):
        for node in list(self.document.findall(nodes.Text)):
            if not any(isinstance(around, VERBATIM) for around in folds.above(node)):
                node.parent.replace(node, nodes.Text(prose.typeset(str(node))))


VERBATIM = (nodes.literal, nodes.literal_block, nodes.math, nodes.math_block, nodes.raw)


def number_figures(app, env):
    """Figure 2 of chapter 08 is 8.2, whichever chapters the book has.

    On every other page figures count from 1.
    """
    for docname, kinds in env.toc_fignumbers.items():
        inside = docname.startswith(FOLDER)
        chapter = [int(docname.removeprefix(FOLDER)[:2])] if inside else []
        for ids in kinds.values():
            for i, key in enumerate(sorted(ids, key=ids.get), start=1):
                ids[key] = (*chapter, i)
    return []


def share_handlers(app):
    """The one-page build draws the nodes that extensions register for html only.

    Sphinx stops falling back on html's handlers once any extension registers one for
    singlehtml.
    """
    handlers = app.registry.translation_handlers
    for node, pair in handlers.get("html", {}).items():
        handlers.setdefault("singlehtml", {}).setdefault(node, pair)


def mend(app, pagename, templatename, context, doctree):
    """Repair what the theme and its extensions get wrong on a page."""
    body = context.get("body", "")
    if films.MARK in body:
        app.add_js_file("hlnb-film.js", loading_method="defer")
    if app.builder.name == "html" and (needed := labs.needed(body, Path(app.srcdir))):
        for script in needed:
            app.add_js_file(script, loading_method="defer")
        app.add_css_file(f"{labs.FOLDER}/lab.css")
    context["script_files"] = [
        f for f in context.get("script_files", []) if not unwanted(f)
    ]
    # the launch buttons open the clean source notebook, not the executed copy
    for group in context.get("header_buttons", []):
        for button in group.get("buttons", []):
            if group.get("label") == "launch-buttons" and "url" in button:
                button["url"] = button["url"].replace(f"/{FOLDER}", "/notebooks/")
    for wrong, right in BODY:
        body = body.replace(wrong, right)
    if app.builder.name == "html" and pagename.startswith(FOLDER):
        found = {n: c.numbered_title for n, c in app.hlnb_chapters.items() if c.listed}
        name = pagename.removeprefix(FOLDER)
        body += moved.leading_on(name, body, app.hlnb_moves, titles=found)
    if app.builder.name == "html":  # one page for print holds all of its pictures
        body = light(app, body, context["pathto"])
    context["body"] = body


def light(app, body, pathto):
    """The body of a page with pictures that are fetched when a reader comes near."""
    folder = Path(app.outdir, app.builder.imagedir)
    at = pathto(app.builder.imagedir, 1)
    body = loads.as_files(body, folder, address=lambda name: f"{at}/{name}")
    taken = {name: source for source, name in app.builder.images.items()}

    def file(address):
        name = unquote(address.removeprefix(f"{at}/"))
        place = Path(app.srcdir, taken[name]) if name in taken else folder / name
        return place if address.startswith(at) and place.is_file() else None

    return loads.when_near(body, file=file)


AROUND = [
    (re.compile(pattern), right)
    for pattern, right in (
        (r"(issues/new\?title=[^\"&]*)&body=", r"\1&amp;body="),  # the theme's button
        (r'<link rel="preload" as="font"[^>]*>', ""),
        (r'<script src="[^"]*/fontawesome/[^"]*"></script>', ""),
        (r'(<html\b[^>]*) data-theme="auto"', r'\1 data-theme="light"'),
    )
]
BODY = (
    # roles that ARIA deprecates or that need a parent the page does not have
    (' role="doc-biblioentry"', ""),
    ('<div role="list" class="citation-list">', '<div class="citation-list">'),
    # a label that contradicts the visible words
    ('<summary aria-label="Toggle hidden content">', "<summary>"),
)


def mend_files(app, error):
    """Repair what the theme writes around the body of a page.

    Pages don't preload fonts: from a disk, browsers refuse and report an error. Icons
    are letters of a font, for which no script is needed. A page whose script of the
    theme does not run is a light one, with colours.
    """
    if error is None and app.builder.format == "html":
        for page in Path(app.outdir).rglob("*.html"):
            text = page.read_text("utf8")
            for wrong, right in AROUND:
                text = wrong.sub(right, text)
            page.write_text(text, "utf8")


def unwanted(script):
    """Whether a page can do without a script that an extension puts on it.

    sphinx-thebe declares its constant twice: a SyntaxError on every page. What marks
    the words of a search on other pages leaves a button there to take the marks away,
    and the book's own search does without it.
    """
    name = f"{getattr(script, 'filename', '')}"
    body = (getattr(script, "attributes", None) or {}).get("body") or ""
    return "sphinx_highlight.js" in name or "thebe" in f"{name}{body}".lower()


def short(app, what, name, thing, options, signature, returned):
    """A signature that names its types without their modules."""
    if signature is None:
        return None
    signature = re.sub(r"~(?:\w+\.)+", "", signature)
    return signature.replace("<factory>", "{}"), returned


def fold_parts(app, config):
    """The left bar shows the pages of the part that is read, of the others the name."""
    config.html_theme_options["show_navbar_depth"] = 0


def read_for_search(app, doctree, docname):
    """Keep what the search reads of a page."""
    if app.builder.name == "html":
        kind = "chapter" if docname.startswith(FOLDER) else "page"
        if "nosearch" in app.env.metadata[docname]:
            kind = "list"
        app.hlnb_found[docname] = search.entries(doctree, kind=kind)


def write_search(app, error):
    """Put what the search reads in the place of Sphinx's index, which it replaces."""
    if error is None and app.builder.name == "html":
        aliases = yaml.safe_load(Path(app.srcdir, "book/aliases.yml").read_text("utf8"))
        written = search.script(app.hlnb_found, aliases)
        Path(app.outdir, app.builder.searchindex_filename).write_text(written, "utf8")


def unindexed(app, doctree):
    """The index is of the book's own terms; the package has a page of names."""
    if app.env.docname == NAMES:
        app.env.get_domain("index").entries[NAMES] = []


def setup(app):
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-signature", short)
    app.connect("doctree-read", unindexed)
    app.connect("doctree-read", fold)
    app.add_post_transform(Typeset)
    folds.add_to(app)
    labs.add_to(app)
    app.connect("config-inited", offline)
    app.connect("config-inited", fold_parts)
    app.connect("builder-inited", share_handlers, priority=1)
    app.connect("builder-inited", read_book)
    app.connect("builder-inited", open_converter)
    app.add_html_math_renderer(
        formulas.RENDERER, (formulas.visit_inline, None), (formulas.visit_block, None)
    )
    app.connect("source-read", generate)
    app.connect("env-get-updated", number_figures, priority=900)
    app.connect("doctree-resolved", formulas.glued)
    app.connect("html-page-context", mend, priority=900)
    app.connect("doctree-resolved", read_for_search, priority=900)
    app.connect("build-finished", mend_files)
    app.connect("build-finished", write_search)
    # one converter answers one writer
    return {"parallel_read_safe": True, "parallel_write_safe": False, "version": "1"}
