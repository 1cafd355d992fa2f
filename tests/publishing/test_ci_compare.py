"""What the chapters publish beside the record: each change is found and named."""

import base64
import gzip
import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hlnb.page.show import packed
from hlnb.publishing.notebooks import CLAIMS, NUMBERS, STATE, to_bytes

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / ".ci" / "compare.py"
SPEC = importlib.util.spec_from_file_location("ci_compare", SCRIPT)
ci_compare = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(ci_compare)

NAME, CARDS = "21_specialization", "00_explorer"


@pytest.fixture
def chapters(tmp_path):
    """A folder of two executed chapters and, beside it, their record."""
    folder = tmp_path / "chapters"
    folder.mkdir()
    for name in (NAME, CARDS):
        shutil.copy(ROOT / "book" / "chapters" / f"{name}.ipynb", folder)
    assert run(folder, "--record") == 0
    return folder


def run(folder, *options):
    record = folder.with_name("record.json.gz")
    return ci_compare.main(
        ["--folder", str(folder), "--against", str(record), *options]
    )


def edited(folder, change, *, name=NAME):
    """What `change` returns, which edits the notebook and says what is to be found.

    A text is a whole line; a tuple has parts of one.
    """
    path = folder / f"{name}.ipynb"
    notebook = json.loads(path.read_text("utf8"))
    result = change(notebook)
    path.write_bytes(to_bytes(notebook))
    return result


def outputs(notebook, mime):
    cells = notebook["cells"]
    found = [o for cell in cells for o in cell.get("outputs", [])]
    return [output for output in found if mime in output.get("data", {})]


def figure_of(notebook, *, whole):
    """The first figure whose numbers the record keeps whole, or as checksums."""
    for output in outputs(notebook, NUMBERS):
        rows = rows_of(output)
        if (sum(len(",".join(row)) for row in rows) < ci_compare.WHOLE) == whole:
            return output, rows
    raise AssertionError("no such figure")


def rows_of(output):
    coded = "".join(output["data"][NUMBERS])
    return ci_compare._cells(gzip.decompress(base64.b64decode(coded)).decode())


def change_claim(notebook):
    claim = outputs(notebook, CLAIMS)[0]["data"][CLAIMS][0]
    old, claim["ours"] = claim["ours"], claim["ours"] + 1
    return [f"claim {claim['id']}, ours was {old}, is {old + 1}"]


def change_verdict_and_note(notebook):
    claim = outputs(notebook, CLAIMS)[0]["data"][CLAIMS][0]
    old = claim["verdict"]
    claim["verdict"] = "changed"
    claim["more"] = 1
    return [
        f'claim {claim["id"]}, verdict was "{old}", is "changed"',
        f"claim {claim['id']}, more is new",
    ]


def remove_claim(notebook):
    claim = outputs(notebook, CLAIMS)[0]["data"][CLAIMS].pop(0)
    return [f"claim {claim['id']} is missing"]


def change_value(notebook):
    mime = "application/papermill.record/text/plain"
    output = next(
        o for o in outputs(notebook, mime) if "".join(o["data"][mime]).isdigit()
    )
    old = "".join(output["data"][mime])
    output["data"][mime] = f"{int(old) + 1}"
    name = output["metadata"]["scrapbook"]["name"]
    return [f"glued value {name} was {old}, is {int(old) + 1}"]


def change_two_cells(notebook):
    output, rows = figure_of(notebook, whole=True)
    column = rows[0].index("y")
    old, rows[2][column], rows[3][column] = rows[2][column], "7.25", "7.25"
    output["data"][NUMBERS] = packed(rows)
    name = output["metadata"]["hlnb"]["name"]
    where = f"figure {name}, numbers: line 3, y was {old}, is 7.25"
    return [f"{where} (1 more cells differ)"]


def add_line(notebook):
    output, rows = figure_of(notebook, whole=True)
    output["data"][NUMBERS] = packed([*rows, ["7"] * len(rows[0])])
    name, n = output["metadata"]["hlnb"]["name"], len(rows)
    where = f"figure {name}, numbers: line {n + 1}, panel was nothing, is 7"
    more = f"({len(rows[0]) - 1} more cells differ)"
    return [f"{where} {more}; it had {n} lines, has {n + 1}"]


def change_long_table(notebook):
    output, rows = figure_of(notebook, whole=False)
    first, block = ci_compare.BLOCK, ci_compare.BLOCK
    rows[first][rows[0].index("y")] = "7.25"
    rows[-1][rows[0].index("x")] = "7.25"
    output["data"][NUMBERS] = packed(rows)
    where = f"numbers: lines {first + 1} to {first + block}, another y"
    name = output["metadata"]["hlnb"]["name"]
    return [f"figure {name}, {where} (1 more blocks differ)"]


def shorten_long_table(notebook):
    output, rows = figure_of(notebook, whole=False)
    output["data"][NUMBERS] = packed(rows[:-1])
    n, block = len(rows), ci_compare.BLOCK
    first = (n - 1) // block * block + 1
    where = f"lines {first} to {first + block - 1}, another {' and '.join(rows[0])}"
    name = output["metadata"]["hlnb"]["name"]
    return [f"figure {name}, numbers: {where}; it had {n} lines, has {n - 1}"]


def change_alternative(notebook):
    output = outputs(notebook, "image/png")[0]
    about = output["metadata"]["hlnb"]
    about["alt"] = about["alt"][:-1] + "!"
    output["data"]["text/plain"] = about["alt"]
    return [(f"figure {about['name']}, alternative text was …", ", is …", '!"')]


def change_caption(notebook):
    about = outputs(notebook, "image/png")[0]["metadata"]["hlnb"]
    old, about["caption"] = about["caption"], "Short."
    shown = json.dumps(old, ensure_ascii=False)[: ci_compare.CLIP + 1]
    return [f'figure {about["name"]}, caption was {shown}…, is "Short."']


def remove_figure(notebook):
    output = outputs(notebook, "image/png")[0]
    for cell in notebook["cells"]:
        if output in cell.get("outputs", []):
            cell["outputs"].remove(output)
    return [f"figure {output['metadata']['hlnb']['name']} is missing"]


def remove_numbers(notebook):
    output = outputs(notebook, NUMBERS)[0]
    del output["data"][NUMBERS]
    return [f"figure {output['metadata']['hlnb']['name']}, numbers is missing"]


def change_frame(notebook):
    models = notebook["metadata"]["widgets"][STATE]["state"].values()
    frame = next(m["state"] for m in models if "<img" in m["state"].get("value", ""))
    frame["value"] = frame["value"].replace('alt="', 'alt="7 ', 1)
    return [("cell ", ", frame ", " was ", 'is "7 ')]


def change_slider(notebook):
    models = notebook["metadata"]["widgets"][STATE]["state"].values()
    labels = next(
        m["state"]["_options_labels"] for m in models if "_options_labels" in m["state"]
    )
    labels[0] = "a7"
    return [("cell ", ", slider was [", ', is ["', '"a7"')]


def change_table(notebook):
    output = next(
        o for o in outputs(notebook, "text/markdown") if CLAIMS not in o["data"]
    )
    text = "".join(output["data"]["text/markdown"])
    output["data"]["text/markdown"] = output["data"]["text/plain"] = f"{text}7"
    return [("cell ", ", text/markdown was …", '7"')]


CHANGES = [
    *(change_claim, change_verdict_and_note, remove_claim, change_value),
    *(change_two_cells, add_line, change_long_table, shorten_long_table),
    *(change_alternative, change_caption, remove_figure, remove_numbers),
    *(change_frame, change_slider, change_table),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_found_and_named(chapters, capsys, change):
    expected = edited(chapters, change)
    capsys.readouterr()
    assert run(chapters) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(expected)
    for line, known in zip(lines, expected, strict=True):
        assert line.startswith(f"{NAME}: ")
        if isinstance(known, str):
            assert line == f"{NAME}: {known}"
        else:
            assert all(part in line for part in known)


def test_the_words_of_a_card_are_compared(chapters, capsys):
    def change(notebook):
        (output,) = outputs(notebook, "text/html")
        html = "".join(output["data"]["text/html"])
        html = html.replace("<p>", "<p>7 ", 1).replace('alt="', 'alt="7 ', 1)
        output["data"]["text/html"] = html

    edited(chapters, change, name=CARDS)
    capsys.readouterr()
    assert run(chapters) == 1
    words, alternative = capsys.readouterr().out.splitlines()
    assert ', is "7 All layers' in words
    assert ', is "7 Problem 1: one' in alternative


def test_texts_of_html_in_order_without_rules_and_scripts():
    html = (
        "<style>p { }</style><p title='a'>b <b>c</b></p><script>d</script>"
        "<svg aria-label='e'><title>f</title></svg><img alt='g &lt; 1'>"
    )
    assert ci_compare._Words(html).found == ["a", "b", "c", "e", "f", "g < 1"]


def test_one_line_for_each_difference_up_to_forty(chapters, capsys):
    def change(notebook):
        for cell in notebook["cells"]:
            cell["outputs"] = []

    edited(chapters, change)
    capsys.readouterr()
    assert run(chapters) == 1
    *lines, last = capsys.readouterr().out.splitlines()
    assert len(lines) == ci_compare.LINES
    items = ci_compare.from_file(chapters.with_name("record.json.gz"))[NAME]
    assert last == f"… and {len(items) - ci_compare.LINES} more differences"


def test_a_chapter_more_or_less_is_a_difference(chapters, capsys):
    (chapters / f"{CARDS}.ipynb").rename(chapters / "23_new.ipynb")
    capsys.readouterr()
    assert run(chapters) == 1
    assert capsys.readouterr().out.splitlines() == [
        *(f"{CARDS} is missing", "23_new is new")
    ]
    assert run(chapters, "--only", NAME) == 0
    assert capsys.readouterr().out.startswith("equal: 1 chapters, ")
    assert run(chapters, "--only", "00", "21") == 1
    assert capsys.readouterr().out.splitlines() == [f"{CARDS} is missing"]


def test_what_cannot_be_compared_is_refused(chapters, capsys):
    cases = {
        ("--folder", "absent"): "There is no folder absent",
        ("--against", "absent"): "Cannot read the record absent",
        ("--against", str(SCRIPT)): "Cannot read the record",
        ("--only", "7"): "There is no chapter 7: give a name or number.",
    }
    for options, message in cases.items():
        assert run(chapters, *options) == 2
        assert message in capsys.readouterr().err
    (chapters / f"{NAME}.ipynb").write_text("{}")
    assert run(chapters) == 2
    assert "is no notebook" in capsys.readouterr().err


def test_equal_chapters_give_an_equal_record(chapters):
    record = chapters.with_name("record.json.gz")
    first = record.read_bytes()
    assert run(chapters, "--record") == 0
    assert record.read_bytes() == first
    assert first[4:8] == bytes(4)  # no time


def test_the_book_publishes_what_the_record_says(capsys):
    assert ci_compare.main([]) == 0
    number = len([*(ROOT / "notebooks").glob("*.ipynb")])
    assert capsys.readouterr().out.startswith(f"equal: {number} chapters, ")


def test_it_needs_no_numpy_and_no_torch():
    code = (
        f"import runpy, sys; runpy.run_path({str(SCRIPT)!r}); "
        "sys.exit(bool({'numpy', 'torch'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
