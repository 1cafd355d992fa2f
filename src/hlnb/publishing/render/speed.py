"""The page of benchmarks, from what `make bench` wrote."""

import json
from pathlib import Path

from hlnb.errors import HlnbError
from hlnb.publishing.render.tables import markdown_table

LATEST = "benchmarks/latest.json"
ROBUST = "benchmarks/robust.json"
REDRAW = "benchmarks/redraw.json"
TARGETS = {100: 1.8, 256: 4.0, 1024: 15.0}  # ours by the best JAX layout, by d


def speed(root: Path) -> str:
    """Tables of the last benchmark: machine, targets, limits, every row, sizes."""
    record = _read(root, LATEST, "make bench")
    try:
        return _page(root, record)
    except KeyError as missing:
        raise HlnbError(f"{LATEST} has no {missing}: run `make bench`.") from missing


def _page(root: Path, record: dict) -> str:
    return "\n\n".join(
        [
            _machine(record),
            "## Against the targets",
            _targets(record),
            "## What is left to compute, and the machine's limit",
            _limits(record),
            "## What a step is made of",
            _steps(record),
            "## Every row",
            _rows(record),
            "## Large sizes, whole tables, start-up",
            _large(record),
            "## What a correction costs",
            _correction(_read(root, REDRAW, "python benchmarks/redraw.py")),
            "## Under load, and killed",
            _robust(_read(root, ROBUST, "make robust")),
        ]
    )


def _read(root: Path, name: str, command: str) -> dict:
    try:
        return json.loads((root / name).read_text("utf8"))
    except (OSError, ValueError) as error:
        raise HlnbError(f"{name} cannot be read: run `{command}`.") from error


def _spread(row: dict, name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return f"{row[name]:.3g} [{low:.3g}–{high:.3g}]"


def _machine(record: dict) -> str:
    about = record["about"]
    versions = ", ".join(
        f"{name} {about[name]}" for name in ("python", "torch", "numba", "numpy", "jax")
    )
    card = about["cuda"] if about["cuda"] != "none" else "none lent or found"
    return (
        f"Measured on {about['date']}: {about['cpu']}, {about['cores']} cores, "
        f"{versions}. Graphics card: {card}. Medians of {record['repeats']} timings "
        "and their range; a ratio is taken pair by pair. The largest matrix product "
        f"in the same run made {record['peak']:.0f} billion operations a second, on "
        "one thread."
    )


def _toy(record: dict, layout: str = "ours", runs: int = 1) -> list[dict]:
    found = [
        row
        for row in record["rows"]
        if row["case"].startswith("toy problem")
        and (row["layout"], row["runs"]) == (layout, runs)
    ]
    return sorted(found, key=lambda row: (row["case"], row["d"]))


def _targets(record: dict) -> str:
    rows = []
    for d, target in TARGETS.items():
        found = [row for row in _toy(record) if row["d"] == d]
        if not found:
            continue
        each = ", ".join(f"{row['case'][-1]}: {row['ratio']:.2f}" for row in found)
        met = sum(row["ratio"] >= target for row in found)
        rows.append(
            [
                f"toy training, d = {d}, by the best of {found[0]['peer'].split()[0]}",
                f"≥ {target:g}",
                each,
                f"{met} of {len(found)} problems",
            ]
        )
    short, long = ({r["case"]: r["rate"] for r in _toy(record) if r["d"] == d}
                   for d in (100, 1024))  # fmt: skip
    if long:
        flat = {case: long[case] / short[case] for case in long}
        each = ", ".join(f"{case[-1]}: {value:.2f}" for case, value in flat.items())
        met = sum(value >= 0.7 for value in flat.values())
        rows.append(
            ["rate at d = 1024 by that at 100", "≥ 0.7", each, f"{met} of {len(flat)}"]
        )
    for row in record["rows"]:
        if row["case"] == "two processes":
            met = "yes" if row["ratio"] >= 1.85 else "no"
            rows.append(["two processes by one", "≥ 1.85", _spread(row, "ratio"), met])
    if record["table_1"]:
        minutes = record["table_1"] / 60
        rows.append(
            [
                "Table 1 in both readings, published protocol, two processes",
                "≤ 12 minutes",
                f"{minutes:.1f} minutes",
                "yes" if minutes <= 12 else "no",
            ]
        )
    return markdown_table(["What", "Target", "Measured (by problem)", "Met"], rows)


def _limits(record: dict) -> str:
    """The peak by the operations that are left, beside ours and the target."""
    ours = {(row["case"], row["d"]): row for row in _toy(record)}
    rows = []
    for each in record["operations"]:
        if (row := ours.get((each["case"], each["d"]))) is None:
            continue
        limit = record["peak"] * 1e9 / each["left"]
        target = TARGETS[each["d"]] * row["rate"] / row["ratio"]
        rows.append(
            [
                *(each["case"], f"{each['d']}", f"{each['left'] / each['dense']:.0%}"),
                *(f"{limit:.0f}", f"{row['rate'] / limit:.0%}"),
                f"{target:.0f} ({target / limit:.0%})",
            ]
        )
    names = ["Case", "d", "Operations left", "Limit (run-epochs / s)", "Ours by limit"]
    return markdown_table([*names, "Target rate (by limit)"], rows)


def _steps(record: dict) -> str:
    """Milliseconds of a step by part, and what the machine needs at the least."""
    rows = []
    for each in record["steps"]:
        named = [each[part] for part in ("sorting", "forward", "backward")]
        times = [each["step"], *named, each["step"] - sum(named)]
        times += [each["filters"], each["weights"]]
        times += [each["product"] / (record["peak"] * 1e9), each["moved"]]
        case = each["case"].rsplit(maxsplit=1)[-1]
        rows.append([case, f"{each['d']}", *(f"{1e3 * t:.3f}" for t in times)])
    names = ["No.", "d", "Step", "Sorting", "Forward", "Back", "Else", "Filters"]
    about = (
        "Milliseconds, by toy problem. *Sorting* windows, the products *forward* and "
        "*back*, and all *else* make a *step*. *Filters* and *weights*: the way back "
        "where only the filters, or only the weights above them, learn. *Product*: one "
        "product of the hidden layer at the peak. *Moved*: the weights above, read "
        "once, and read and written once."
    )
    return (
        about + "\n\n" + markdown_table([*names, "Weights", "Product", "Moved"], rows)
    )


def _rows(record: dict) -> str:
    rows = [
        [
            *(row["case"], row["layout"], f"{row['d']}", f"{row['runs']}"),
            *(f"{row['processes']}", _spread(row, "rate")),
            f"{_spread(row, 'ratio')} × {row['peer']}",
        ]
        for row in record["rows"]
    ]
    names = ["Case", "Layout", "d", "Runs", "Processes", "Run-epochs / s", "Ratio"]
    return markdown_table(names, rows, label="hlnb-rows")


def _large(record: dict) -> str:
    large, data, gf2 = record["large"], record["data"], record["gf2"]
    rows = [
        [
            f"toy problem 3, d = {large['d']:,}, {large['n']:,} rows online",
            f"{large['rate']:.0f} rows / s, at most {large['gib']:.2f} GiB",
        ],
        [
            f"random hierarchy, {data['strings']:,} strings of 8 symbols",
            f"{data['seconds']:.2f} s, at most {data['gib']:.2f} GiB",
        ],
        [
            f"elimination, {gf2['equations']:,} equations in {gf2['unknowns']:,} bits",
            f"{gf2['seconds']:.2f} s",
        ],
    ]
    if found := record.get("compiling"):  # records of before do not have it
        rows.append(
            [
                "the loops for a network of one size, compiled once (at installation)",
                f"{found['first']:.0f} s; a tiny run then takes {found['then']:.1f} s",
            ]
        )
    book = record["book"]
    rows.append(
        [
            f"the {book['chapters']} chapters as published, added up (see the status)",
            f"{book['seconds'] / 60:.0f} minutes; {book['runs_kept']:,} of their runs "
            "were at hand",
        ]
    )
    rows += [[s["case"], f"{_spread(s, 'seconds')} s"] for s in record["starts"]]
    return markdown_table(["What", "Measured"], rows)


def _correction(record: dict) -> str:
    """Seconds from an edit to its page, and what an edit makes stale."""
    label, stale, found = record["label"], record["stale"], record["chapters"]
    total = label["redraw"] + label["build"]
    about = (
        f"Measured on {record['date']}: {record['machine']['cpu']}, "
        f"{record['machine']['cores']} cores, with the runs of record of "
        f"{len(found)} chapters. The load average at the start was "
        f"{record['load']:.1f}: above 1, other work ran beside it."
    )
    told = markdown_table(
        ["What", "Target", "Measured"],
        [
            [
                "from an edited label of chapter 01 to its new page",
                "≤ 60 s",
                f"{total:.0f} s ({label['redraw']:.0f} s to redraw the chapter, "
                f"{label['build']:.0f} s to render the book)",
            ],
            [
                "chapters that an edited line of the package makes stale, mean",
                "–",
                f"{stale['mean']:.1f} of {stale['chapters']}",
            ],
        ],
    )
    rows = []
    for each in found:
        cells = ", ".join(f"{number} ({took:.1f} s)" for number, took in each["cells"])
        name = each["chapter"][:2]
        rows.append([name, f"{each['seconds']:.0f} s", cells or "none"])
    drawn = markdown_table(["Chapter", "Redrawn in", "Cells above 2 s"], rows)
    return "\n\n".join([about, told, drawn])


def _robust(record: dict) -> str:
    return (
        f"`make robust`, on {record['date']}, {record['cores']} cores: "
        f"{record['executions']} executions of a small chapter, four at a time: "
        f"{record['hung']} hung, {record['failed']} rounds failed, the slowest took "
        f"{record['slowest']:.0f} s. {record['kills']} executions killed at random "
        f"moments: {record['torn']} files torn, and the next execution "
        f"{'worked' if record['next_worked'] else 'failed'}."
    )
