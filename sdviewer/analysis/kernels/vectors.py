"""Vectors: two loops that are written for the lanes of a processor, as a compiler would not make them by itself.

Counting goes through memory and sums go through vectors: side by side in one loop they cost little more
than the slower of them, one after the other they cost both. Bytes are folded for a CRC-32 by an
instruction that no loop is compiled to. Everything else is left to plain loops.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import config, types
from numba.core import cgutils
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic

from sdviewer.analysis.loops import PADDED, SPREAD

LANES = SPREAD
_SUMS = 5

_I8, _I32, _I64, _F32, _F64 = ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.FloatType(), ir.DoubleType()
_WIDE, _WIDE_BITS = ir.VectorType(_F64, LANES), ir.VectorType(_I64, LANES)
_PAIR = ir.VectorType(_I64, 2)
# A product and a sum may be one instruction.
_FUSED = ("contract",)


def _count_and_sum(apart: int) -> Any:
    @intrinsic
    def count_and_sum(_typing: Any, codes: Any, table: Any, _mean: Any) -> Any:
        five: Any = types.UniTuple(types.float64, _SUMS)  # type: ignore[no-untyped-call]
        signature = five(codes, table, types.float64)

        def code_of(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            codes_type, table_type = signature.args[:2]
            codes = context.make_array(codes_type)(context, builder, arguments[0])
            table = context.make_array(table_type)(context, builder, arguments[1]).data
            mean = _in_all_lanes(builder, arguments[2])
            sums = [cgutils.alloca_once_value(builder, _WIDE(None)) for _ in range(_SUMS)]  # type: ignore[no-untyped-call]
            steps = builder.udiv(builder.extract_value(codes.shape, 0), _I64(LANES))
            with cgutils.for_range(builder, steps) as loop:
                first = builder.gep(codes.data, [builder.mul(loop.index, _I64(LANES))])
                _count(builder, first, table, apart)
                _sum(builder, first, mean, sums)
            totals = [_total(builder, builder.load(total)) for total in sums]
            return context.make_tuple(builder, signature.return_type, totals)

        return signature, code_of

    return count_and_sum


count_and_sum = _count_and_sum(0)
"""Count float32 by their first 16 bits, and sum their distances from a number.

Only whole vectors are taken: `len(codes) // LANES * LANES` codes.

Args:
    codes: uint32, bits of finite float32.
    table: uint32: counters by the first 16 bits.
    mean: float64.

Returns:
    Σd, Σd², Σd³, Σd⁴ of the distances d, and Σ|x|.

"""

count_apart_and_sum = _count_and_sum(PADDED)
"""The same with a table for each of `LANES` neighbours, `PADDED` counters after that of the one before."""


def _in_all_lanes(builder: Any, value: Any) -> Any:
    one = builder.insert_element(_WIDE(ir.Undefined), value, _I32(0))
    return builder.shuffle_vector(one, _WIDE(ir.Undefined), ir.VectorType(_I32, LANES)(None))


def _count(builder: Any, first: Any, table: Any, apart: int) -> None:
    """Two codes at a time; the first of them is the lower half of a word."""
    words = builder.bitcast(first, _I64.as_pointer())
    for lane in range(0, LANES, 2):
        word = builder.load(builder.gep(words, [_I64(lane // 2)]), align=4)
        lower = builder.and_(builder.lshr(word, _I64(16)), _I64(0xFFFF))
        for place, code in ((lane, lower), (lane + 1, builder.lshr(word, _I64(48)))):
            counter = builder.gep(builder.gep(table, [code]), [_I64(apart * place)])
            builder.store(builder.add(builder.load(counter), _I32(1)), counter)


def _sum(builder: Any, first: Any, mean: Any, sums: Any) -> None:
    narrow = builder.load(builder.bitcast(first, ir.VectorType(_F32, LANES).as_pointer()), align=4)
    value = builder.fpext(narrow, _WIDE)
    away = builder.fsub(value, mean)
    square = builder.fmul(away, away)
    magnitude = builder.and_(builder.bitcast(value, _WIDE_BITS), _WIDE_BITS([(1 << 63) - 1] * LANES))
    terms = (
        away,
        square,
        builder.fmul(square, away, flags=_FUSED),
        builder.fmul(square, square, flags=_FUSED),
        builder.bitcast(magnitude, _WIDE),
    )
    for total, term in zip(sums, terms, strict=True):
        builder.store(builder.fadd(builder.load(total), term, flags=_FUSED), total)


def _total(builder: Any, vector: Any) -> Any:
    total = builder.extract_element(vector, _I32(0))
    for lane in range(1, LANES):
        total = builder.fadd(total, builder.extract_element(vector, _I32(lane)))
    return total


# Polynomials are multiplied by an instruction that not every processor has.
_features: Any = config.CPU_FEATURES  # type: ignore[attr-defined]  # set by a variable of the environment
CAN_FOLD = "+pclmul" in (get_host_cpu_features() if _features is None else _features)  # type: ignore[no-untyped-call]
FOLDED = 64
_LANE = 16
# What moves the two halves of 16 bytes over the next 64 or 16 bytes. Gopal and others, Fast CRC computation for generic
# polynomials using PCLMULQDQ, Intel 2009: x^(n+32) and x^(n-32) modulo the polynomial of zip, bits in reverse.
_OVER_64, _OVER_16 = (0x1_5444_2BD4, 0x1_C6E4_1596), (0x1_7519_97D0, 0x0_CCAA_009E)


@intrinsic
def _folded(_typing: Any, data: Any, state: Any) -> Any:
    def code_of(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        raw, register = (
            context.make_array(kind)(context, builder, argument)
            for kind, argument in zip(signature.args, arguments, strict=True)
        )
        product = ir.FunctionType(_PAIR, [_PAIR, _PAIR, _I8])
        multiply = cgutils.get_or_insert_function(builder.module, product, "llvm.x86.pclmulqdq")  # type: ignore[no-untyped-call]

        def at(place: Any) -> Any:
            return builder.load(builder.bitcast(builder.gep(raw.data, [place]), _PAIR.as_pointer()), align=1)

        def moved(lane: Any, over: tuple[int, int]) -> Any:
            halves = [builder.call(multiply, [lane, ir.Constant(_PAIR, over), _I8(which)]) for which in (0x00, 0x11)]
            return builder.xor(*halves)

        place = builder.bitcast(register.data, _PAIR.as_pointer())
        lanes = [cgutils.alloca_once_value(builder, at(_I64(_LANE * i))) for i in range(FOLDED // _LANE)]  # type: ignore[no-untyped-call]
        builder.store(builder.xor(builder.load(lanes[0]), builder.load(place, align=8)), lanes[0])
        steps = builder.sub(builder.udiv(builder.extract_value(raw.shape, 0), _I64(FOLDED)), _I64(1))
        with cgutils.for_range(builder, steps) as loop:
            first = builder.mul(builder.add(loop.index, _I64(1)), _I64(FOLDED))
            for i, lane in enumerate(lanes):
                further = at(builder.add(first, _I64(_LANE * i)))
                builder.store(builder.xor(moved(builder.load(lane), _OVER_64), further), lane)
        total = builder.load(lanes[0])
        for lane in lanes[1:]:
            total = builder.xor(moved(total, _OVER_16), builder.load(lane))
        builder.store(total, place, align=8)
        return context.get_dummy_value()

    return types.void(data, state), code_of


folded: Any = _folded
"""Make of bytes, a multiple of `FOLDED` of them, 16 with the same CRC-32.

Args:
    data: uint8.
    state: two uint64: the register of what came before, and 0; then the 16 bytes.

"""
