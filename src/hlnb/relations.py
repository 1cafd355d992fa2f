"""Relations between parameters, as notebooks' metadata state them: "T <= d".

A relation is a comparison of Python, of names, numbers, arithmetic, `len`, `min`, `max`
and `set`. A list stands for each of its items, item by item beside another list. What
it means may follow as a comment: "2 * k <= n  # two sets of k that do not meet".
"""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

ARITHMETIC: dict[type, Callable] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
COMPARISONS: dict[type, Callable] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
FUNCTIONS: dict[str, Callable] = {"len": len, "min": min, "max": max, "set": set}


def names(relation: str) -> set[str]:
    """The parameters that it names; none if it is no relation."""
    try:
        tree = ast.parse(relation, mode="eval").body
    except SyntaxError:
        return set()
    found = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} - {*FUNCTIONS}
    try:
        holds(relation, {name: [1] for name in found})
    except TypeError:
        return set()
    return found


def holds(relation: str, values: Mapping[str, Any]) -> bool:
    """Whether it is so for these values of parameters.

    A TypeError if it says what no relation says; what has no value does not hold.
    """
    tree = ast.parse(relation, mode="eval").body
    if not isinstance(tree, ast.Compare):
        raise TypeError(relation)
    try:
        sides = [_value(side, values) for side in [tree.left, *tree.comparators]]
        pairs = zip(tree.ops, sides, sides[1:], strict=False)
        found = [_compared(op, one, two) for op, one, two in pairs]
    except KeyError:
        raise TypeError(relation) from None
    except (ArithmeticError, ValueError):  # max of nothing, 1 % 0, lengths that differ
        return False
    return all(all(f) if isinstance(f, list) else f for f in found)


def value(expression: str, values: Mapping[str, Any]) -> Any:
    """What one side of a relation comes to, such as "2 * k"; a TypeError as above."""
    try:
        return _value(ast.parse(expression, mode="eval").body, values)
    except (KeyError, SyntaxError) as error:
        raise TypeError(f"{expression}: {error}") from None


def _compared(op: ast.cmpop, one: Any, two: Any) -> Any:
    if isinstance(op, ast.In):
        return one in two
    return _each(COMPARISONS[type(op)], one, two)


def _value(node: ast.expr, values: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.Name(id=name):
            return values[name]
        case ast.BinOp(left=left, op=op, right=right):
            one, two = _value(left, values), _value(right, values)
            return _each(ARITHMETIC[type(op)], one, two)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _each(operator.sub, 0, _value(operand, values))
        case ast.Call(func=ast.Name(id=name), args=[_, *_] as given, keywords=[]):
            found = [_value(each, values) for each in given]
            return FUNCTIONS[name](*found)
    raise TypeError(ast.unparse(node))


def _each(do: Callable[[Any, Any], Any], one: Any, two: Any) -> Any:
    if isinstance(one, list) and isinstance(two, list):
        return [do(a, b) for a, b in zip(one, two, strict=True)]
    if isinstance(one, list):
        return [do(a, two) for a in one]
    return [do(one, b) for b in two] if isinstance(two, list) else do(one, two)
