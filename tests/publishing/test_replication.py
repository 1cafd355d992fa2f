"""Fresh seeds: executed by set, kept by chapter, gone on with, shown on the page."""

import json
import shutil

import pytest

from hlnb import code
from hlnb.errors import HlnbError
from hlnb.publishing import chapters, copies, freshness, replication
from hlnb.publishing.cli import main
from hlnb.publishing.render.claims import claim_table
from hlnb.publishing.run import execute
from publishing_fixtures import add_chapter, edit, make_book

SEEDED = """\
seeds: int = 2  # how many runs
first_seed: int = 7  # where seeds start"""
TURNING = """\
from IPython.display import display
word = "reproduced" if first_seed < 2000 else "not reproduced"
row = {"id": "b", "source": "s", "statement": "t", "theirs": 1.0, "ours": first_seed,
       "low": None, "high": None, "n": seeds, "unit": "1", "verdict": word}
data = {"application/vnd.hlnb.claims+json": [row], "text/markdown": "|a|"}
display(data, raw=True)"""


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """Two chapters with a first seed, one without, and three sets of the first."""
    root = make_book(tmp_path_factory.mktemp("replication"))
    add_chapter(root, "01_one", TURNING, parameters=SEEDED)
    add_chapter(root, "02_two", parameters=SEEDED)
    add_chapter(root, "03_three")
    assert execute.run(root)
    return root


@pytest.fixture(scope="module")
def said(book):
    lines = []
    assert replication.replicate(book, ["01"], sets=2, say=lines.append)
    return lines


def test_each_set_is_executed_and_its_claims_are_kept(book, said):
    assert said[0] == "Set 1, first_seed = 1007: 01_one"
    assert said[1].startswith("01_one: executed in")
    assert said[2] == "Set 2, first_seed = 2007: 01_one"
    kept = json.loads((book / "book/replication/01_one.json").read_text("utf8"))
    assert [kept[n]["claims"]["b"]["ours"] for n in "12"] == [1007, 2007]
    assert kept["1"].keys() >= {"date", "cpu", "key", "code", "first_seed"}


def test_the_summary_counts_what_stands_and_names_contradictions(said):
    assert said[4:] == [
        "01_one: 1 of 2 verdicts stand in every set",
        "  b: reproduced / reproduced / not reproduced",
        "Together: 3 of 4 pairs of decided verdicts are the same word (75.0 %); 0 of 2 "
        "published verdicts are undecided",
    ]


def test_the_summary_leaves_identities_and_open_verdicts_out(book, monkeypatch):
    (chapter,) = replication.chapters.chosen(book, ["01"])
    words = {"a": "reproduced", "b": "undecided", "c": "partly", "d": "not reproduced"}
    kinds = {"a": "identity"}
    rows = [
        {"id": i, "verdict": w, "kind": kinds.get(i, "claim")} for i, w in words.items()
    ]
    found = {"a": ["partly"], "b": ["partly"], "c": ["undecided", "partly"], "d": []}
    monkeypatch.setattr(replication, "claims_of", lambda path: rows)
    monkeypatch.setattr(replication, "verdicts", lambda root, name: found)
    assert [*replication.summary(book, [chapter.name])] == [
        "01_one: 1 of 3 verdicts stand in every set",
        "Together: 1 of 1 pairs of decided verdicts are the same word (100.0 %); "
        "1 of 3 published verdicts are undecided",
    ]


@pytest.mark.usefixtures("said")
def test_what_was_executed_is_not_executed_again(book, monkeypatch):
    ran = []
    real = execute.run

    def run(root, names, **options):
        ran.append((names, options["overrides"]))
        return real(root, names, **options)

    monkeypatch.setattr(execute, "run", run)
    quiet = {"say": lambda line: None}
    assert replication.replicate(book, ["01"], sets=2, **quiet)
    assert ran == []
    (book / "book/replication/01_one.json").unlink()  # as a kill may leave it
    assert replication.replicate(book, ["01"], sets=2, **quiet)
    assert ran == []
    assert replication.replicate(book, ["01", "02"], sets=1, **quiet)
    assert ran == [(["02_two"], [("first_seed", "1007")])]


@pytest.mark.usefixtures("said")
@pytest.mark.parametrize(("old", "new"), [("{", ""), ("reproduced", "partly")])
def test_a_copy_that_is_not_as_executed_is_made_anew(book, old, new):
    kept = book / "book/replication/01_one.json"
    before = kept.read_bytes()
    kept.unlink()
    copy = book / "runs/replication/set-1/01_one.ipynb"
    copy.write_text(copy.read_text("utf8").replace(old, new, 1), "utf8")
    lines = []
    assert replication.replicate(book, ["01"], sets=1, say=lines.append)
    assert "01_one: executed in" in lines[1]
    kept.write_bytes(before)


def test_only_code_behind_the_claims_makes_a_set_due(tmp_path):
    root = make_book(tmp_path)
    path = add_chapter(root, "01_one", "'old'", "seeds = 2", parameters=SEEDED)
    lines = []
    assert replication.replicate(root, sets=1, say=lines.append)
    edit(path, "'old'", "'new'")  # a picture, say
    again = []
    assert replication.replicate(root, sets=1, say=again.append)
    assert not any("Set 1" in line for line in again)
    edit(path, "seeds = 2", "seeds = 4 - 2")
    again = []
    assert replication.replicate(root, sets=1, say=again.append)
    assert again[0] == lines[0]


def test_a_chapter_that_fails_leaves_the_set_open(tmp_path, monkeypatch, capsys):
    root = make_book(tmp_path)
    add_chapter(root, "01_one", "assert first_seed < 100", parameters=SEEDED)
    monkeypatch.chdir(root)
    assert main(["replicate", "--sets", "1"]) == 1
    assert "AssertionError" in capsys.readouterr().out
    assert not (root / "book" / "replication").exists()


MOVED = """\
from IPython.display import display
data = {"application/vnd.hlnb.claims+json": [], "text/plain": "table"}
display(data, metadata={"hlnb": {"moved": ["b: partly here"]}}, raw=True)"""


def test_a_verdict_may_move_and_what_failed_is_told_whatever_its_words(tmp_path):
    root = make_book(tmp_path)
    add_chapter(root, "01_one", MOVED, parameters=SEEDED)
    raises = "raise ValueError('1 verdict moved: by hand')"
    add_chapter(root, "02_two", raises, parameters=SEEDED)
    lines = []
    assert not replication.replicate(root, sets=1, say=lines.append)
    told = "\n".join(lines)
    assert "01_one: executed in" in told
    assert "partly here" not in told
    assert "02_two: FAILED" in told
    assert "ValueError: 1 verdict moved: by hand" in told


@pytest.mark.usefixtures("said")
def test_the_page_says_in_how_many_sets_a_verdict_was_the_same(book):
    claims = replication.with_sets(book, copies.claims(book))
    text = claim_table(claims)
    assert "same verdict in 1 of 2 sets of fresh seeds; else not reproduced" in text
    assert "same verdict in 2 of 2 sets of fresh seeds]" in text
    assert text.count("sets of fresh seeds") == len(claims) - 1  # 03 has none


def test_sets_of_older_code_are_told(tmp_path):
    root = make_book(tmp_path)
    path = add_chapter(root, "01_one", TURNING, parameters=SEEDED)
    assert execute.run(root)
    assert replication.replicate(root, sets=1, say=lambda line: None)
    told = {
        c["id"]: c["sets"] for c in replication.with_sets(root, copies.claims(root))
    }
    assert told["b"].endswith("1 of 1 sets of fresh seeds")
    edit(path, "import display", "import display as display")
    told = {
        c["id"]: c["sets"] for c in replication.with_sets(root, copies.claims(root))
    }
    assert told["b"].endswith("fresh seeds, executed by older code")


def test_a_proof_of_equality_moves_the_keys_of_the_sets_it_is_about(tmp_path):
    root = make_book(tmp_path)
    drawing = "from hlnb.seeding import stream\nseeds = 2 + 0 * bool(stream(1, 'a'))"
    add_chapter(root, "01_one", drawing, parameters=SEEDED)
    assert execute.run(root)
    assert replication.replicate(root, sets=2, say=lambda line: None)
    (chapter,) = chapters.chosen(root, ["01"])
    older = tmp_path / "hlnb"
    shutil.copytree(code.PACKAGE, older, ignore=shutil.ignore_patterns("*.pyc"))
    edit(older / "seeding.py", "return ", "return 1 * ")
    path = root / "book/replication/01_one.json"
    today = json.loads(path.read_text("utf8"))
    seed = {"first_seed": 1007}
    then = freshness.keys_of_claims(chapter, seed, package=older).code
    assert then != today["1"]["code"]
    edited = {**today, "1": today["1"] | {"code": then}}
    edited["2"] = today["2"] | {"code": "of something else"}
    path.write_text(json.dumps(edited), "utf8")
    replication.restamp(chapter, before=older)
    assert json.loads(path.read_text("utf8")) == {"1": today["1"], "2": edited["2"]}


@pytest.mark.parametrize(
    "text",
    [
        *("{", "[]", '{"1": 3}', '{"1": {"claims": []}}', "[" * 100_000),
        *('{"1": {"claims": {"a": 3}}}', '{"1": {"claims": {"a": {}}}}'),
        '{"1": {"claims": {"a": {"verdict": ["partly"]}}}}',
        '{"1": {"claims": {"a": {"verdict": "perhaps"}}}}',
    ],
)
def test_a_damaged_record_is_named(tmp_path, text):
    root = make_book(tmp_path)
    add_chapter(root, "01_one", parameters=SEEDED)
    path = root / "book/replication/01_one.json"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(HlnbError, match=r"01_one\.json is no record of fresh seeds"):
        replication.verdicts(root, "01_one")


def test_refusals(book):
    with pytest.raises(HlnbError, match="03_three has no parameter first_seed"):
        replication.replicate(book, ["03"])
    with pytest.raises(HlnbError, match="sets = 0: take a whole number from 1 up"):
        replication.replicate(book, sets=0)
