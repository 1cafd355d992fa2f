"""Rows of numbers in the processor's registers, for loops that Numba compiles.

Numba leaves it to its compiler to find what fits a vector unit, and short products of
gathered rows it does not find. Here the loops say it: `Lanes` is a row of some numbers
that stays in registers from `load` to `store`. Each function below is a few vector
instructions, written for any processor; LLVM splits what is wider than its registers.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import suppress

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.caching import FunctionCache, NullCache
from numba.extending import intrinsic, models, register_model

from hlnb import kept

REGISTER = 512  # bits of the widest registers there are
# NaN and infinity stay what they are: a run that diverges has to show it
FAST = ("reassoc", "contract", "nsz", "arcp")


def compiled(function: Callable) -> Callable:
    """`function` as machine code, kept on disk, without a type checker around it."""
    compiler = numba.njit(nogil=True, fastmath=set(FAST), error_model="numpy")
    loop = compiler(inspect.unwrap(function))
    loop._cache = Store(loop.py_func)
    return loop


class Store(NullCache):
    """Where Numba keeps a compiled loop. A place that cannot be written or a damaged
    file costs the seconds of compiling anew, and nothing else."""

    def __init__(self, function: Callable):
        self._files: NullCache | FunctionCache = NullCache()
        with suppress(RuntimeError, OSError):  # no folder can be written
            self._files = FunctionCache(function)

    @property
    def cache_path(self) -> str | None:
        return self._files.cache_path

    def load_overload(self, signature, context):
        """The kept machine code; None, said on the way, if it has to be compiled."""
        try:
            found = self._files.load_overload(signature, context)
        except Exception:  # a damaged file may raise anything at all
            found = None
            with suppress(OSError):
                self._files.flush()
        if found is None:
            kept.compiling()
        return found

    def save_overload(self, signature, code):
        """Keeps it, if the disk has room."""
        with suppress(OSError):
            self._files.save_overload(signature, code)


class Lanes(types.Type):
    """`length` numbers of one kind, as vectors: 100 are six of 16 and one of 4."""

    def __init__(self, length: int, number: types.Float):
        self.length, self.number = length, number
        super().__init__(name=f"Lanes({length}, {number})")

    @property
    def widths(self) -> Iterator[int]:
        """How many numbers each vector has, wide ones first."""
        left, width = self.length, REGISTER // self.number.bitwidth
        while left:
            while width > left:
                width //= 2
            yield width
            left -= width


@register_model(Lanes)
class LanesModel(models.PrimitiveModel):
    """What a `Lanes` is to LLVM: a struct of vectors, which it keeps in registers."""

    def __init__(self, manager, lanes):
        number = manager.lookup(lanes.number).get_value_type()
        vectors = [ir.VectorType(number, width) for width in lanes.widths]
        super().__init__(manager, lanes, ir.LiteralStructType(vectors))


@intrinsic
def load(context, length, array, i):
    """Row i of a matrix; `length`: its columns, a constant."""
    if not isinstance(length, types.IntegerLiteral):
        return None
    lanes = Lanes(length.literal_value, array.dtype)

    def code(context, builder, signature, args):
        places = _places(context, builder, array, args[1:], lanes)
        return _row(
            context,
            builder,
            lanes,
            (builder.load(place, align=lanes.number.bitwidth // 8) for place in places),
        )

    return lanes(length, array, types.intp), code


@intrinsic
def store(context, array, i, lanes):
    """Writes `lanes` to row i of a matrix."""

    def code(context, builder, signature, args):
        places = _places(context, builder, array, args[:2], lanes)
        for vector, place in zip(_vectors(builder, args[2]), places, strict=True):
            builder.store(vector, place, align=lanes.number.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), code


@intrinsic
def zeros(context, length, number):
    """A row of zeros; `number`: one of its kind."""
    if not isinstance(length, types.IntegerLiteral):
        return None
    lanes = Lanes(length.literal_value, number)

    def code(context, builder, signature, args):
        return ir.Constant(context.get_value_type(lanes), None)

    return lanes(length, number), code


@intrinsic
def plus(context, lanes, factor, other):
    """lanes + factor · other"""

    def code(context, builder, signature, args):
        def one(mine, theirs):
            by = _spread(builder, args[1], mine.type)
            return _sum(builder, mine, builder.fmul(by, theirs, flags=FAST))

        pairs = zip(*(_vectors(builder, args[k]) for k in (0, 2)), strict=True)
        return _row(context, builder, lanes, (one(*pair) for pair in pairs))

    return lanes(lanes, lanes.number, lanes), code


@intrinsic
def rectified(context, lanes, by):
    """lanes, but 0 where `by` is not above 0; NaN stays NaN."""

    def code(context, builder, signature, args):
        def one(mine, theirs):
            nothing = ir.Constant(mine.type, None)
            return builder.select(
                builder.fcmp_ordered("<=", theirs, nothing), nothing, mine
            )

        pairs = zip(*(_vectors(builder, each) for each in args), strict=True)
        return _row(context, builder, lanes, (one(*pair) for pair in pairs))

    return lanes(lanes, by), code


@intrinsic
def dot(context, lanes, other):
    """The sum of the products, number by number."""

    def code(context, builder, signature, args):
        sums = {}  # by how many numbers wide
        for mine, theirs in zip(*(_vectors(builder, a) for a in args), strict=True):
            product = builder.fmul(mine, theirs, flags=FAST)
            width = product.type.count
            sums[width] = _sum(builder, product, sums.get(width))
        for width in sorted(_halves(max(sums)), reverse=True):
            whole = sums.pop(2 * width)
            lower, upper = (
                _chosen(builder, whole, range(begin, begin + width))
                for begin in (0, width)
            )
            half = _sum(builder, lower, upper)
            sums[width] = _sum(builder, half, sums.get(width))
        return builder.extract_element(sums[1], ir.IntType(32)(0))

    return lanes.number(lanes, other), code


def _halves(width: int) -> Iterator[int]:
    while width > 1:
        width //= 2
        yield width


def _address(context, builder, array, args):
    """Where row args[1] of the matrix args[0] begins."""
    matrix = context.make_array(array)(context, builder, args[0])
    index = [args[1], context.get_constant(types.intp, 0)]
    return cgutils.get_item_pointer(
        context, builder, array, matrix, index, wraparound=False
    )


def _places(context, builder, array, args, lanes: Lanes):
    """Where each vector of row args[1] of the matrix args[0] is."""
    row = _address(context, builder, array, args)
    at = 0
    for vector in context.get_value_type(lanes).elements:
        place = builder.gep(row, [ir.IntType(64)(at)])
        yield builder.bitcast(place, vector.as_pointer())
        at += vector.count


def _vectors(builder, value):
    """The vectors of a `Lanes`."""
    return [builder.extract_value(value, k) for k in range(len(value.type.elements))]


def _row(context, builder, lanes: Lanes, vectors):
    """A `Lanes` of these vectors."""
    row = ir.Constant(context.get_value_type(lanes), ir.Undefined)
    for k, vector in enumerate(vectors):
        row = builder.insert_value(row, vector, k)
    return row


def _chosen(builder, vector, numbers):
    """The numbers of a vector that are named, as a vector."""
    numbers = list(numbers)
    mask = ir.Constant(ir.VectorType(ir.IntType(32), len(numbers)), numbers)
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), mask)


def _spread(builder, number, vector):
    """A vector of one number, again and again."""
    first = ir.IntType(32)(0)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), number, first)
    return _chosen(builder, one, [0] * vector.count)


def _sum(builder, one, other):
    return one if other is None else builder.fadd(one, other, flags=FAST)
