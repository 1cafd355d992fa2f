"""Stale chapters for each edited line of the package: `python benchmarks/keys.py`.

Counts, for each line of a definition, the chapters whose code reaches it.
"""

from collections import defaultdict
from typing import Any

from hlnb import code
from hlnb.publishing import chapters
from hlnb.publishing.chapters import find_root, text_of


def stale_per_line() -> dict[str, Any]:
    """The mean over all lines of definitions, and that of each module."""
    package = code.current(code.PACKAGE)
    listed = chapters.load(find_root())
    reached = [_reach(package, chapter) for chapter in listed]
    lines: dict[str, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    for module in package:
        for name, statements in package.module(module).names.items():
            found = code.Definition(module, name)
            stale = {i for i, reach in enumerate(reached) if found in reach}
            for statement in statements:
                decorators = getattr(statement, "decorator_list", [])
                first = min(part.lineno for part in [statement, *decorators])
                for line in range(first, statement.end_lineno + 1):
                    lines[module][line] |= stale
    counts = {m: [len(found) for found in by.values()] for m, by in lines.items()}
    return {
        "mean": sum(map(sum, counts.values())) / sum(map(len, counts.values())),
        "chapters": len(listed),
        "modules": {m: sum(found) / len(found) for m, found in counts.items()},
    }


def _reach(package: code.Package, chapter: chapters.Chapter) -> set[code.Definition]:
    cells = (text_of(c) for c in chapter.cells if c["cell_type"] == "code")
    return code.Cells(package, cells).reach()


if __name__ == "__main__":
    found = stale_per_line()
    for module, mean in sorted(found["modules"].items(), key=lambda pair: -pair[1]):
        print(f"{mean:5.1f}  {module}")
    print(f"{found['mean']:5.2f}  of {found['chapters']} chapters, all lines")
