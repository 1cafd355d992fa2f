"""The parameters of a chapter: what its first code cell sets, within which bounds."""

import ast
import io
import itertools
import json
import math
import re
import reprlib
import tokenize
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from hlnb import relations
from hlnb.errors import HlnbError

TYPES = {"int": int, "float": float, "bool": bool, "str": str}
CONDITIONS = {"least": int, "distinct": bool, "ascending": bool, "relations": list}


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell: `name: type = default  # help`.

    `range` (lowest and highest number), `choices` or `form` (a regular expression) say
    which values, or items of a list, a chapter takes; `effect` what they change. A list
    has at least `least` items; if `distinct`, no two are equal; if `ascending`, each is
    larger than the one before. `relations` hold between this parameter and others:
    "T <= d", where a list stands for each of its items (see `hlnb.relations`).
    """

    name: str
    type: str
    default: Any
    help: str
    range: tuple[float, float] | None = None
    choices: tuple[Any, ...] | None = None
    form: str = ""
    effect: str = ""
    least: int = 0
    distinct: bool = False
    ascending: bool = False
    relations: tuple[str, ...] = ()

    def parse(self, text: str) -> Any:
        """The value that `text`, typed by a user, has in this parameter's type."""
        try:
            if self.type.startswith("list["):
                return self.coerce(_items(text, self.type[5:-1]))
            return self.coerce(_scalar(text, self.type))
        except (ValueError, OverflowError, RecursionError):  # "9" * 400, "[" * 10**5
            raise HlnbError(
                f"Parameter {self.name} is of type {self.type}, which {text!r} is not."
            ) from None

    def admit(self, value: Any) -> Any:
        """The value, if the chapter takes it, whatever the other parameters are."""
        for item in value if isinstance(value, list) else [value]:
            if self.range and not self.range[0] <= item <= self.range[1]:
                between = "from {:g} to {:g}".format(*self.range)
            elif self.choices and item not in self.choices:
                between = "one of " + ", ".join(map(repr, self.choices))
            elif self.form and not re.fullmatch(self.form, item):
                between = f"of the form {self.form}"
            else:
                continue
            raise HlnbError(
                f"Parameter {self.name} takes values {between}, not {item!r}."
            )
        if isinstance(value, list) and (wanted := self._wanted(value)):
            raise HlnbError(
                f"Parameter {self.name} takes {wanted}, not {reprlib.repr(value)}."
            )
        return value

    def _wanted(self, items: list[Any]) -> str:
        """What a list should be and is not."""
        if len(items) < self.least:
            return f"at least {self.least} value{'s' * (self.least > 1)}"
        pairs = itertools.pairwise(items)
        if self.ascending and not all(one < next for one, next in pairs):
            return "values in ascending order, each once"
        if self.distinct and len({*items}) < len(items):
            return "each value once"
        return ""

    def take(self, value: Any) -> Any:
        """The value that a notebook was given, in this parameter's type, if the
        chapter takes it."""
        try:
            return self.admit(self.coerce(value))
        except (ValueError, OverflowError):  # 10**400 is no float
            raise HlnbError(
                f"Parameter {self.name} is of type {self.type}, which "
                f"{reprlib.repr(value)} is not{self._way_out(value)}."
            ) from None

    def _way_out(self, value: Any) -> str:
        """How to give papermill what was given as text."""
        items = value if isinstance(value, list) else [value]
        if not any(isinstance(item, str) for item in items):
            return ""
        if self.type.startswith("list[") and isinstance(value, str):
            listed = in_yaml(self.default)
            return (
                f"; papermill's -p gives a list as text: use -y '{self.name}: {listed}'"
            )
        if self.type.removeprefix("list[").startswith("str"):
            return ""
        return (
            ", as it is text (YAML reads 1e-2 as text, papermill's -r gives all as "
            "text); write it as a number, 0.01 or 1.0e-2 or 10, after -p or -y"
        )

    def coerce(self, value: Any) -> Any:
        """The value in this parameter's type; a ValueError if it's of another."""
        if self.type.startswith("list["):
            if not isinstance(value, list):
                raise ValueError(value)
            return [_of_type(item, self.type[5:-1]) for item in value]
        return _of_type(value, self.type)


def in_yaml(items: list[Any]) -> str:
    """A list as papermill's -y reads it: 1e-05 would be text there, 1.0e-05 is not."""
    import yaml  # slow to import

    return yaml.safe_dump(items, default_flow_style=True, width=math.inf).strip()


def with_meaning(relation: str) -> tuple[str, str]:
    """A relation, and what its comment says it means; an empty text without one."""
    kept, _, meaning = relation.partition("#")
    return kept.strip(), meaning.strip()


def _of_type(value: Any, kind: str) -> Any:
    whole = kind == "float" and type(value) is int
    if type(value) is not TYPES[kind] and not whole:  # `is`: True would pass for an int
        raise ValueError(value)
    if kind != "float":
        return value
    if not math.isfinite(number := float(value)):
        raise ValueError(value)
    return number


def _scalar(text: str, kind: str) -> Any:
    if kind == "bool":
        choices = {"true": True, "false": False}
        if text.lower() not in choices:
            raise ValueError(text)
        return choices[text.lower()]
    return TYPES[kind](text)


def _items(text: str, kind: str) -> list[Any]:
    """The list that `text` means: JSON, or items between commas, brackets optional."""
    try:
        value = json.loads(text)
        if isinstance(value, list):
            return value
    except json.JSONDecodeError:
        pass
    inner = text.strip()
    if inner.startswith("[") and inner.endswith("]"):
        inner = inner[1:-1]
    if not inner.strip():
        return []
    return [_scalar(item.strip().strip("'\""), kind) for item in inner.split(",")]


def declared(source: str, ranges: object, *, where: str) -> dict[str, Parameter]:
    """The parameters of a cell by name, with what `metadata.hlnb.ranges` says of them.

    `where` names the chapter in errors.
    """
    found = parse_parameters(source, where=where)
    if not isinstance(ranges, Mapping):
        raise HlnbError(f"{where}: metadata.hlnb.ranges is no table of parameters.")
    for name, about in ranges.items():
        if name not in found:
            raise HlnbError(
                f"{where}: metadata.hlnb.ranges names {name!r}, which is no parameter."
            )
        found[name] = _bounded(found[name], about, where=where)
    for relation in [r for p in found.values() for r in p.relations]:
        if not relations.names(relation) <= found.keys():
            raise HlnbError(f"{where}: {relation!r} names what is no parameter.")
    try:
        admit_together(found, {})
    except HlnbError as error:
        raise HlnbError(f"{where}: defaults do not go together: {error}") from error
    except TypeError as error:  # the length of a number, a text below a number
        raise HlnbError(f"{where}: a relation does not fit its types: {error}.") from (
            error
        )
    return found


def admit_together(
    parameters: Mapping[str, Parameter], given: Mapping[str, Any]
) -> None:
    """Refuses values that the chapter does not take beside each other.

    What is not `given` has its default.
    """
    for name, value in given.items():
        parameters[name].admit(value)
    values = {p.name: p.default for p in parameters.values()} | dict(given)
    for relation in (r for p in parameters.values() for r in p.relations):
        if not relations.holds(relation, values):
            named = sorted(relations.names(relation), key=relation.index)
            named.sort(key=lambda name: name not in given)
            said = [f"{n} = {reprlib.repr(values[n])}" for n in named]
            kept, meaning = with_meaning(relation)
            if meaning:
                fits = f"does not go with {' and '.join(said[1:])}"
                raise HlnbError(
                    f"Parameter {said[0]} {fits if said[1:] else 'is not taken'}; "
                    f"needed: {meaning} ({kept})."
                )
            raise HlnbError(
                f"Parameter {named[0]} has to keep {kept}, which {' and '.join(said)} "
                f"do{'es' * (len(named) == 1)} not."
            )


def parse_parameters(source: str, *, where: str) -> dict[str, Parameter]:
    """The parameters of a cell by name; `where` names the chapter in errors."""
    found = {}
    comments = _comments(source)
    try:
        lines = ast.parse(source).body
    except SyntaxError as error:
        raise HlnbError(
            f"{where}: the parameters cell is not Python: {error.msg}."
        ) from error
    for line in lines:
        text = source.splitlines()[line.lineno - 1].strip()
        try:
            match line:
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as given):
                    kind = ast.unparse(line.annotation)
                    if kind.removeprefix("list[").removesuffix("]") not in TYPES:
                        raise ValueError(kind)
                    parameter = Parameter(name, kind, None, comments[line.lineno])
                    default = parameter.coerce(ast.literal_eval(given))
                case _:
                    raise ValueError(text)
            if text.count("=") != 1:  # papermill's own parser skips such a line
                raise ValueError(text)
        except (KeyError, ValueError):
            raise HlnbError(
                f"{where}: the parameters line {text!r} does not read "
                "'name: type = default  # help' (with one '=', a default of the type, "
                "and one of int, float, bool, str, list[int], list[float], list[str])."
            ) from None
        found[name] = Parameter(name, kind, default, comments[line.lineno])
    return found


def _bounded(parameter: Parameter, about: Any, *, where: str) -> Parameter:
    """The parameter with what `metadata.hlnb.ranges` says of it."""
    more: dict[str, Any] = dict(about) if isinstance(about, dict) else {}
    bounds = _range(more.pop("range", None), parameter.type)
    effect, listed = more.pop("effect", None), more.get("relations", ())
    if (
        not bounds
        or not isinstance(effect, str)
        or not all(isinstance(v, CONDITIONS.get(n, ())) for n, v in more.items())
        or not all(isinstance(one, str) and relations.names(one) for one in listed)
    ):
        raise HlnbError(
            f"{where}: metadata.hlnb.ranges of {parameter.name} does not read "
            '{"range": [low, high] or {"choices": [...]} or {"form": "..."}, '
            '"effect": "..."}, with "least", "distinct", "ascending" or "relations".'
        )
    for_lists = sorted({"least", "distinct", "ascending"} & more.keys())
    if for_lists and not parameter.type.startswith("list["):
        raise HlnbError(
            f"{where}: metadata.hlnb.ranges gives {parameter.name} {for_lists[0]!r}, "
            "which is for lists."
        )
    more |= bounds | {"effect": effect, "relations": tuple(listed)}
    bounded = replace(parameter, **more)
    try:
        bounded.admit(bounded.default)
    except HlnbError as error:
        raise HlnbError(f"{where}: a default is outside its range: {error}") from error
    return bounded


def _range(stated: Any, kind: str) -> dict[str, Any]:
    """Which values a parameter takes, as a field of it; nothing if it can't be read."""
    words = kind.removeprefix("list[").startswith("str")
    match stated:
        case [int() | float() as low, int() | float() as high] if not words:
            return {"range": (low, high)}
        case {"choices": [_, *_] as choices}:
            return {"choices": tuple(choices)}
        case {"form": str() as form} if words:
            with suppress(re.error):
                re.compile(form)
                return {"form": form}
    return {}


def _comments(source: str) -> dict[int, str]:
    """The comments of a cell by line, empty ones left out."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return {}
    texts = {t.start[0]: t.string for t in tokens if t.type == tokenize.COMMENT}
    texts = {line: text.lstrip("#").strip() for line, text in texts.items()}
    return {line: text for line, text in texts.items() if text}
