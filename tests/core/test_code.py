"""Which code a thing depends on: what moves a digest, and what doesn't."""

import shutil
from pathlib import Path

import pytest

from hlnb import code
from hlnb.code import Cells, Definition, Package, Whole
from hlnb.publishing import chapters
from hlnb.publishing.chapters import text_of
from publishing_fixtures import edit

ROOT = Path(__file__).parents[2]


@pytest.fixture
def make(tmp_path):
    """Makes a package `p` of modules: `a` is a.py, `sub` is sub/__init__.py."""

    def made(folder="now", **modules):
        home = tmp_path / folder / "p"
        packages = {n.rpartition("__")[0] for n in modules} | {"sub"}
        for name, text in {"": "", **modules}.items():
            path = home / f"{name.replace('__', '/')}.py"
            if name in packages - {""} or not name:
                path = home / name / "__init__.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf8")
        return Package(home)

    return made


def reached(package, cell):
    """What a cell reaches: `a.f`, or `a.` for what a does without a name."""
    found = Cells(package, [cell]).reach()
    return {f"{d.module}.{d.name}".removeprefix("p.") for d in found}


# --- what counts in code --------------------------------------------------------------


@pytest.fixture
def digest(make):
    """Digests the text of a module."""

    def digested(text):
        return make(a=text, sub="").digest([Whole("p.a")])

    return digested


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1  # a", "x  =  1\n\n# b"),
        ('"""Doc."""\nx = 1', "x = 1"),
        ('def f():\n    """Doc."""\n    return 1', "def f(): return 1"),
        ('class A:\n    """Doc."""\n    x = 1', "class A: x = 1"),
        ('async def f():\n    "d"\n    return 1', "async def f(): return 1"),
        ("x = 1\n'What x is.'", "x = 1"),
        ("class A:\n    x = 1\n    'What x is.'", "class A: x = 1"),
        ("x = 'a'", 'x = u"a"'),
        ("x = [\n  1,\n]", "x = [1]"),
        ("x = 'a' 'b'", "x = 'ab'"),
        ("def f(): pass\nx = 1", "x = 1\ndef f(): pass"),
    ],
)
def test_what_readers_see_alone_does_not_count(digest, one, other):
    assert digest(one) == digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("x = None", "x = 0"),
        ("x = ''", "x = None"),
        ("x = 'a'", "x = b'a'"),
        ("x = 0.0", "x = -0.0"),
        ("x = 1", "x: int = 1"),
        ("x: 'A' = 1", "x: 'B' = 1"),
        ("x = f(a)", "x = f(*a)"),
        ("x = {**a}", "x = {None: a}"),
        ("x = f'{a}'", "x = f'{a!r}'"),
        ("x = f'{a:.1f}'", "x = f'{a:.2f}'"),
        ("x = a - b", "x = b - a"),
        ("x = a < b", "x = a <= b"),
        ("x = f(a=1)", "x = f(b=1)"),
        ("x = 1\nx = 2", "x = 2\nx = 1"),
        ("def f(): return 1", "def f(): yield 1"),
        ("def f(): return 1", "async def f(): return 1"),
        ("def f(a, b=1): pass", "def f(a, b=2): pass"),
        ("def f(a, b): return a - b", "def f(b, a): return a - b"),
        ("def f(a, *, b): pass", "def f(a, b): pass"),
        ("def f(): x = 1; return x", "def f(): global x; x = 1; return x"),
        ("class A(B): pass", "class A(C): pass"),
        ("@a\ndef f(): pass", "@b\ndef f(): pass"),
        ("import numpy as np\nx = np.pi", "import torch as np\nx = np.pi"),
        ("from numpy import e\nx = e", "from math import e\nx = e"),
        (
            "def f():\n    import numpy as np\n    return np.pi",
            "def f():\n    import torch as np\n    return np.pi",
        ),
        ("match a:\n    case None: x = 1", "match a:\n    case True: x = 1"),
    ],
)
def test_code_counts(digest, one, other):
    assert digest(one) != digest(other)


SAMPLE = '''\
"""Doc."""
import numpy as np
from numpy import e as number

try:
    import p.sub as q
except ImportError:
    q = r = None
X: list[int] = [1, q, *range(3), -2, 0x10, 1_000, 1e-3, 2j, ..., None, True, b"\\xff"]
TEXT = "a" "é" "\\u2028" f"b {X!r:>{len(X)}} {{c}} {X[0]=:.3f}" f"{'d'}" r"\\n"


@np.vectorize
def f(a, /, b: int = 1, *c, d=2, e, **g) -> "A":
    """Doc."""
    global Y
    if (n := len(c)) > 1 < 2 and not a or b:
        yield lambda x=n, *, y: (x, y, *c)
    with open(TEXT) as file, file:
        Y = {k: v for k, v in zip(a, b, strict=True) if k if v}
    try:
        del g[0:1, ::2], a.b
    except (ValueError, OSError) as error:
        raise KeyError(f"{error}") from error
    else:
        assert X, "no"
    finally:
        return {**g, "f": [*c], "e": {1, 2}}


class A(dict, metaclass=type):
    x = 1

    async def go(self):
        async with self as s:
            await s
        while self.x @ 2 // 3 % 4 ** 5 >> 6 & ~7:
            self.x += 1 if number else 2
            continue
        match self:
            case {"a": [1, *rest], **more} | A(x=2 as rest) if (more := 3):
                return [i async for i in s]
            case None | "t":
                pass
'''


def test_keys_are_the_same_on_every_python(digest):
    assert digest(SAMPLE)[:16] == "109123a09bcd4d78"


def test_a_cells_leading_text_is_shown_and_so_is_no_docstring(make):
    trees = Cells(make(), ["'shown'", "", "'other'"]).trees
    assert len({repr(tree) for tree in trees}) == 3


def test_a_closing_semicolon_hides_an_output(make):
    one, hidden, same, two, lines = Cells(
        make(), ["x", "x;", "x ;  # comment", "x; y", "x\ny"]
    ).trees
    assert one != hidden == same
    assert two == lines


def test_a_cell_that_is_no_python_counts_as_text(make):
    one, other = Cells(make(), ["!ls", "!ls -l"]).trees
    assert one != other


# --- what is reached ------------------------------------------------------------------

# what it shows → (modules, a cell, what the cell reaches)
REACH = {
    "a function and what it names, not its neighbours": (
        {"a": "def f(): return g()\ndef g(): return K\nK = 1\ndef h(): pass"},
        "from p.a import f",
        {},
    ),
    "names that are used": (
        {"a": "def f(): return g()\ndef g(): return K\nK = 1\ndef h(): pass"},
        "from p.a import f\nf()",
        {"a.f", "a.g", "a.K"},
    ),
    "a class with its methods and bases": (
        {
            "a": "from p.b import B\nclass A(B):\n    def m(self): return f()\n"
            "def f(): pass",
            "b": "class B(C):\n    x = K\nclass C: pass\nK = 1\nclass D: pass",
        },
        "import p.a\np.a.A",
        {"a.A", "a.f", "b.B", "b.C", "b.K"},
    ),
    "names bound together": (
        {"a": "A, (B, *C) = f()\ndef f(): pass\nD = E = 1"},
        "from p.a import C, D\nC, D",
        {"a.C", "a.A", "a.B", "a.f", "a.D", "a.E"},
    ),
    "decorators": (
        {"a": "from p.b import d\n@d(K)\ndef f(): pass\nK = 1", "b": "def d(k): pass"},
        "from p.a import f\nf",
        {"a.f", "a.K", "b.d", "a."},
    ),
    "what a decorator registers, by whoever reaches the module": (
        {"a": "from p.b import d\n@d\ndef f(): pass\nx = 1", "b": "def d(k): pass"},
        "from p.a import x\nx",
        {"a.x", "a.", "a.f", "b.d"},
    ),
    "decorators that make the definition alone": (
        {"a": "from functools import cache\n@cache\ndef f(): pass\nx = 1"},
        "from p.a import x\nx",
        {"a.x"},
    ),
    "a metaclass may register a class": (
        {"a": "class A(metaclass=M): pass\nclass M(type): pass\nx = 1"},
        "from p.a import x\nx",
        {"a.x", "a.", "a.A", "a.M"},
    ),
    "a module's statements, by whoever imports it": (
        {"a": "from p import b", "b": "from p.c import g\ng()", "c": "def g(): pass"},
        "import p.a",
        {"b.", "c.g"},
    ),
    "what a name is filled with": (
        {"a": "K = {}\nK['a'] = f\ndef f(): pass\ndef g(): return K"},
        "from p.a import g\ng",
        {"a.g", "a.K", "a.", "a.f"},
    ),
    "changes to another module's names": (
        {"a": "K = {}", "b": "from p import a\na.K[1] = f\ndef f(): pass"},
        "from p import a, b\na.K",
        {"a.K", "b.", "b.f"},
    ),
    "each branch of a condition": (
        {"a": "try:\n    from p.b import f\nexcept E:\n    def f(): pass\nE = 1",
         "b": "def f(): pass"},
        "from p.a import f\nf",
        {"a.f", "a.", "a.E", "b.f"},
    ),
    "aliases": (
        {"a": "import p.b as q\nfrom p.b import f as g\ndef h(): return q.f, g\ni = h",
         "b": "def f(): pass\ndef g(): pass"},
        "from p import a as z\nz.i",
        {"a.i", "a.h", "b.f"},
    ),
    "names handed on": (
        {"a": "from p.b import f", "b": "from p.c import g as f", "c": "def g(): pass"},
        "from p.a import f\nf()",
        {"c.g"},
    ),
    "names handed on by a folder": (
        {"sub": "from .c import f", "sub__c": "def f(): return g\ng = 1"},
        "import p\np.sub.f()",
        {"sub.c.f", "sub.c.g"},
    ),
    "names handed on in a circle": (
        {"a": "from p.b import f", "b": "from p.a import f\ng = 1"},
        "from p.a import f\nf",
        {},
    ),
    "relative imports": (
        {"sub": "from ..a import K as L", "sub__d": "e = 1", "a": "f = 1\nK = 2",
         "sub__c": "from . import L\nfrom .. import a\nfrom .d import e\n"
         "f = a.f, e, L"},
        "from p.sub import c\nc.f",
        {"sub.c.f", "sub.d.e", "a.f", "a.K"},
    ),
    "imports in functions and classes": (
        {"a": "def f():\n    from .b import g\n    def h(): return g()\n    return h\n"
         "class A:\n    from p.b import k\n    m = k",
         "b": "def g(): pass\nk = 1\nprint()"},
        "from p.a import A, f\nA, f",
        {"a.A", "a.f", "b.g", "b.k", "b."},
    ),
    "import *": (
        {"a": "from p.b import *\ndef f(): return g()", "b": "def g(): pass\nx = 1"},
        "from p.a import f\nf",
        {"a.f", "b.g", "b.x"},
    ),
    "import * in a cell": (
        {"a": "def g(): return h\nh = 1"},
        "from p.a import *\ng()",
        {"a.g", "a.h"},
    ),
    "names handed on by import *": (
        {"a": "from p.b import *\ny = 1", "b": "from p.c import g\nx = 1",
         "c": "def g(): pass\nh = 1"},
        "from p.a import g\ng()",
        {"a.y", "b.x", "c.g"},
    ),
    "a module handed to getattr": (
        {"a": "from p import b\ndef f(name): return getattr(b, name)",
         "b": "x = 1\ndef g(): pass\nfrom p.c import h", "c": "def h(): pass\ny = 1"},
        "from p.a import f\nf",
        {"a.f", "b.x", "b.g", "c.h"},
    ),
    "the package itself handed to getattr": (
        {"a": "x = 1", "sub__c": "y = 1"},
        "import p\ngetattr(p, 'a')",
        {"a.x", "sub.c.y"},
    ),
    "a module's own file": (
        {"a": "from p import b\nf = b.__file__", "b": "x = 1\ny = 2", "c": "z = 1"},
        "from p.a import f\nf",
        {"a.f", "b.x", "b.y"},
    ),
    "a module that looks at itself": (
        {"a": "def f(n): return globals()[n]\ndef g(): pass", "b": "x = 1"},
        "from p.a import f\nf",
        {"a.f", "a.g"},
    ),
    "names that `:=` and loops bind": (
        {"a": "def f(): return A, B, C\n[A := K for _ in [1]]\nfor B in L: pass\n"
         "if (C := M): pass\nK = L = M = 1"},
        "from p.a import f\nf",
        {"a.f", "a.A", "a.B", "a.C", "a.K", "a.L", "a.M", "a."},
    ),
    "a name of a function's own": (
        {"a": "def f(g, *h, i=1, **j):\n    k = 1\n    for m in h: pass\n"
         "    with g as n: pass\n    def o(): pass\n    import p.b as q\n"
         "    return g, h, i, j, k, m, n, o, [r for r in h], lambda s: s, q.x\n"
         "g = h = i = j = k = m = n = o = q = r = s = 1", "b": "x = 1"},
        "from p.a import f\nf",
        {"a.f", "b.x"},
    ),
    "names around a function's own": (
        {"a": "def f(g=g):\n    global m\n    m = 1\n    def h():\n"
         "        return k\n    return [r for r in r], lambda s=s: s\n"
         "g = k = m = r = s = t = 1"},
        "from p.a import f\nf",
        {"a.f", "a.g", "a.k", "a.m", "a.r", "a.s", "a.t"},
    ),
    "methods see past a class's own names": (
        {"a": "class A:\n    x = 1\n    def m(self): return x\nx = 1"},
        "from p.a import A\nA",
        {"a.A", "a.x"},
    ),
    "definitions in a circle": (
        {"a": "def f(): return g()\ndef g(): return f()"},
        "from p.a import f\nf",
        {"a.f", "a.g"},
    ),
    "modules that import each other": (
        {"a": "from p.b import g\ndef f(): return g()",
         "b": "from p import a\ndef g(): return a.f()"},
        "from p.a import f\nf",
        {"a.f", "b.g"},
    ),
    "what a string says is text": (
        {"a": "def f(x: 'g'): pass\ndef g(): pass"},
        "from p.a import f\nf",
        {"a.f"},
    ),
    "names from elsewhere": (
        {"a": "import px\nimport numpy as np\ndef f(): return np.pi, px.a"},
        "import p.no, px\nfrom p.a import f\nf, p.no",
        {"a.f"},
    ),
    "names of one cell in another": (
        {"a": "f = 1\ng = 2"},
        "from p.a import f as g\ndef h(): return g",
        {"a.f"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("modules", "cell", "expected"), REACH.values(), ids=REACH.keys()
)
def test_reach(make, modules, cell, expected):
    assert reached(make(**modules), cell) == set(expected)


def test_cells_share_their_names(make):
    package = make(a="f = 1")
    found = Cells(package, ["from p.a import f", "!ls", "f"]).reach()
    assert found == {Definition("p.a", "f")}


def test_neutral_modules_are_not_reached(make):
    """They decide where work is done and stored, which other tests hold them to."""
    package = make(
        a="from p import storage, b\ndef f(): return storage.g()",
        storage="from p.b import h\nprint()\ndef g(): return h",
        b="h = 1",
    )
    assert reached(package, "from p.a import f\nf") == {"a.f"}


def test_names_that_a_stub_gives_are_followed_and_import_nothing(make):
    """A face that imports late: what it names is reached, the rest is not run."""
    package = make(a="print()\ndef f(): return 1", b="print()\ndef g(): return 2")
    stub = package.folder / "__init__.pyi"
    stub.write_text("from .a import f as f\nfrom .b import g as g\n")
    face = Package(package.folder)
    assert reached(face, "from p import f\nf") == {"a.f", "a."}
    everything = {"a.", "a.f", "b.", "b.g"}  # what an unknown name may mean
    assert reached(package, "from p import f\nf") == everything
    assert face.fingerprint != package.fingerprint
    one, other = (
        Cells(face, [f"from p{home} import f\nf()"]).digest() for home in ("", ".a")
    )
    assert one == other
    stub.write_text("from .b import g as f\n")
    now = Package(package.folder, like=face)
    assert reached(now, "from p import f\nf") == {"b.g", "b."}


def test_the_path_of_a_template_stands_for_its_text(make):
    sub = 'def f(): return "sub/templates/a.html"\ndef g(): return "sub/templates"'
    package = make(sub=sub)
    (package.folder / "sub" / "templates").mkdir()
    template = package.folder / "sub" / "templates" / "a.html"

    def digests(like):
        package = Package(like.folder, like=like)
        roots = (Definition("p.sub", name) for name in "fg")
        return package, [package.digest([root]) for root in roots]

    template.write_text("one")
    one, (f, g) = digests(package)
    template.write_text("other")
    other, (new_f, new_g) = digests(one)
    assert one.fingerprint != other.fingerprint
    assert (f != new_f, g == new_g) == (True, True)
    moved = template.with_name("b.html")
    template.rename(moved)
    (moved.parents[1] / "__init__.py").write_text(sub.replace("a.html", "b.html"))
    assert digests(other)[1] == [new_f, new_g]


# --- what moves a digest --------------------------------------------------------------

BOOK = {
    "a": '"""Doc."""\nfrom p import b\nimport p.c as d\n\n@d.w\nclass A(b.B):\n'
    "    def m(self, x=d.K):\n        return b.g(x) - d.h(x)\n",
    "b": "import numpy as np\nfrom p.c import K\nclass B: pass\n"
    "def g(x): return np.abs(x) + K\ndef unused(): pass\n",
    "c": "K = 1\nimport math\ndef h(x): return math.exp(x)\ndef w(c): return c\n",
}
CELLS = ["from p.a import A", "A().m()"]


def changed(book, module, old, new):
    assert old in book[module]
    return book | {module: book[module].replace(old, new)}


MOVED = {
    "a definition moves": {
        **changed(BOOK, "b", "def g(x): return np.abs(x) + K\n", ""),
        "a": "from .e import g\n" + BOOK["a"].replace("b.g(x)", "g(x)"),
        "e": "import numpy as np\nfrom p import c\ndef g(x): return np.abs(x) + c.K\n",
    },
    "a module moves into a folder": {
        "a": BOOK["a"].replace("p.c as", "p.sub.c as"),
        "b": BOOK["b"].replace("p.c import", "p.sub.c import"),
        "sub__c": BOOK["c"],
    },
    "a module is imported another way": changed(
        changed(BOOK, "a", "import p.c as d", "from p import c as e"), "a", "d.", "e."
    ),
    "names are imported one by one": changed(
        changed(BOOK, "a", "from p import b", "from .b import B, g"), "a", "b.", ""
    ),
    "another library's alias": changed(
        changed(BOOK, "b", "numpy as np", "numpy as xp"), "b", "np.abs", "xp.abs"
    ),
    "a docstring": changed(BOOK, "a", "Doc.", "Another."),
    "a comment and the layout": changed(BOOK, "c", "K = 1", "K = (\n    1\n)  # one"),
    "what is not reached": changed(BOOK, "b", "unused(): pass", "unused(): return 1"),
    "a new definition": changed(BOOK, "c", "K = 1", "K = 1\nL = 2"),
    "definitions change places": changed(
        changed(BOOK, "c", "K = 1\n", ""), "c", "def w", "K = 1\ndef w"
    ),
}  # fmt: skip


@pytest.mark.parametrize("book", MOVED.values(), ids=MOVED.keys())
def test_a_digest_stays(make, book):
    one, other = (Cells(make(n, **b), CELLS) for n, b in (("1", BOOK), ("2", book)))
    assert one.digest() == other.digest()
    assert one.trees == other.trees


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("a", "x=d.K", "x=2"),
        ("a", "b.g(x) - d.h(x)", "d.h(x) - b.g(x)"),
        ("a", "b.g(x) - d.h(x)", "b.g(x) - b.g(x)"),
        ("a", "import p.c as d", "import p.c as d\nprint()"),
        ("b", "class B: pass", "class B: x = 1"),
        ("b", "+ K", "- K"),
        ("b", "import numpy as np", "import torch as np"),
        ("b", "import numpy as np", "import numpy as np\nK = 2"),
        ("c", "K = 1", "K = 2"),
        ("c", "K = 1", "K = 1\nK = 2"),
        ("c", "import math", "import cmath as math"),
        ("c", "return c", "return None"),
        ("c", "math.exp(x)", "math.exp(-x)"),
    ],
)
def test_a_digest_moves(make, module, old, new):
    one, other = make("1", **BOOK), make("2", **changed(BOOK, module, old, new))
    assert Cells(one, CELLS).digest() != Cells(other, CELLS).digest()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a.f(b.f)", "b.f(a.f)"),
        ("from p.a import f\nfrom p.b import f as g\nf(g)",
         "from p.b import f\nfrom p.a import f as g\nf(g)"),
    ],
)  # fmt: skip
def test_two_of_a_name_that_change_places_move_the_digest(make, one, other):
    package = make(a="def f(x): return x", b="def f(x): return -x")
    first = "from p import a, b\n"
    assert (
        Cells(package, [first + one]).digest()
        != Cells(package, [first + other]).digest()
    )


def test_two_of_a_name_far_away_move_the_digest(make):
    """Both are reached, and differ only in what they lead to."""
    text = {
        "a": "from p.e import f as last\ndef f(): return last()",
        "b": "from p.d import f as last\ndef f(): return last()",
        "d": "def f(): return 1",
        "e": "def f(): return 2",
    }
    one = make("1", c="from p import a, b\ndef g(): return a.f() - b.f()", **text)
    other = make("2", c="from p import a, b\ndef g(): return b.f() - a.f()", **text)
    root = [Definition("p.c", "g")]
    assert one.reach(root) == other.reach(root)
    assert one.digest(root) != other.digest(root)


def test_a_package_is_read_anew_when_it_changes(make):
    folder = make(a="x = 1").folder
    before = code.current(folder)
    assert code.current(folder) is before
    (folder / "a.py").write_text("x = 2")
    after = code.current(folder)
    assert after.fingerprint != before.fingerprint
    root = [Definition("p.a", "x")]
    assert after.digest(root) != before.digest(root)
    assert before.digest(root) == make("same", a="x = 1").digest(root)


def test_an_edited_file_that_was_looked_into_is_noticed(make):
    package = make(a="x = 1", b="y = 1")
    package.digest([Definition("p.a", "x")])
    (package.folder / "b.py").write_text("y = 22")
    assert package.edited() is None
    (package.folder / "a.py").write_text("x = 22")
    assert package.edited() == package.folder / "a.py"
    (package.folder / "a.py").unlink()
    assert package.edited() == package.folder / "a.py"


# --- the package itself ---------------------------------------------------------------


def keys(package, book, old="", new=""):
    """The digest of each chapter's code and the trees of its cells."""
    found = {}
    for chapter in chapters.load(book):
        cells = [text_of(c) for c in chapter.cells if c["cell_type"] == "code"]
        if old:
            cells = [text.replace(old, new) for text in cells]
        now = Cells(package, cells)
        found[chapter.name] = (now.digest(), now.trees)
    return found


def test_no_key_moves_when_code_of_the_package_moves(tmp_path):
    """A module into a folder, a module with its users, a function to another module."""
    before = keys(code.package(), ROOT)
    folder = tmp_path / "hlnb"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(code.PACKAGE, folder, ignore=ignored)
    (folder / "metrics" / "chance.py").rename(folder / "odds.py")
    (folder / "quick").mkdir()
    (folder / "quick" / "__init__.py").touch()
    (folder / "training" / "fast" / "vectors.py").rename(folder / "quick" / "lanes.py")
    text = (folder / "metrics" / "distance.py").read_text()
    (folder / "metrics" / "distance.py").write_text("")
    with open(folder / "metrics" / "times.py", "a") as file:
        file.write(text)
    for path in folder.rglob("*.py"):
        text = path.read_text("utf8")
        for old, new in (
            ("hlnb.metrics.distance", "hlnb.metrics.times"),
            ("hlnb.metrics.chance", "hlnb.odds"),
            ("from hlnb.metrics import chance", "from hlnb import odds as chance"),
            (
                "from hlnb.training.fast import vectors",
                "from hlnb.quick import lanes as vectors",
            ),
            ("hlnb.training.fast.vectors", "hlnb.quick.lanes"),
        ):
            text = text.replace(old, new)
        path.write_text(text, "utf8")
    moved = keys(Package(folder), ROOT, "hlnb.metrics.chance", "hlnb.odds")
    assert moved == before


def test_an_edit_reaches_the_chapters_that_depend_on_it_alone(tmp_path):
    """A label of one chapter's figure; the loop that all trained networks share."""
    folder = tmp_path / "hlnb"
    shutil.copytree(code.PACKAGE, folder)
    before = keys(code.package(), ROOT)

    def stale(path, old, new):
        edit(folder / path, old, new)
        now = keys(Package(folder), ROOT)
        edit(folder / path, new, old)
        return [name[:2] for name in now if now[name] != before[name]]

    assert stale("studies/leap/figures.py", "Tick a monomial", "Tick one") == ["12"]
    assert (
        len(stale("training/fast/vectors.py", "REGISTER = 512", "REGISTER = 256")) >= 20
    )
    assert stale("training/executors.py", "MANY = 256", "MANY = 512") == []
