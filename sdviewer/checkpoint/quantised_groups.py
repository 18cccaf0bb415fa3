"""Quantised groups: tensors that hold one weight together, as the libraries that quantise models save them.

A weight of four bits is codes in one tensor and scales in others beside it, which belong together by the endings
of their names, their dtypes and shapes. What is found here is told by columns alone: nothing is read.

Layouts: bitsandbytes `functional.py` (`QuantState.as_dict`) and `nn/modules.py`; DeepSeek-V3 `inference/kernel.py`;
compressed-tensors `compressors/`; AutoGPTQ and AutoAWQ `qlinear`; gpt-oss `weights.py`; ModelOpt.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.table import TensorTable
from sdviewer.control import Control

Int64 = npt.NDArray[np.int64]
Find = Callable[[str], int | None]
"""The row of a canonical name, None where there is none."""

_SLICE = 4096
# Tensors round a selected one among which its siblings are looked for.
_MOST_NEAR = 64
_LEVELS = 3

_FLOATS = frozenset({"float32", "float16", "bfloat16"})
_BYTES = frozenset({"uint8"})
_FLOAT8 = frozenset({"float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"})
_WHOLE = frozenset({"int32", "int64"})


@dataclass(frozen=True, slots=True)
class QuantisedGroup:
    """Tensors that are one weight.

    Attributes:
        format: as people call it: "bitsandbytes nf4", "GPTQ 4 bits" …
        scheme: how its values come about: "4bit", "rows" (one scale a row, divided by 127), "scaled" (a scale for
            each tile), "" where it is only named.
        name: what the weight is called.
        members: role → row; "codes" first.
        shape: of the weight, None where columns do not tell it.
        weights: how many values it has; 0 where that is not known.
        nbytes: bytes of all members.

    """

    format: str
    scheme: str
    name: str
    members: Mapping[str, int]
    shape: tuple[int, ...] | None
    weights: int
    nbytes: int

    @property
    def bits(self) -> float | None:
        """Bits a weight, scales and all else counted."""
        return 8 * self.nbytes / self.weights if self.weights else None


@dataclass(frozen=True, slots=True)
class _Found:
    format: str
    scheme: str
    shape: tuple[int, ...] | None
    weights: int


Members = Mapping[str, int]
Judge = Callable[[TensorTable, Members], _Found | None]


@dataclass(frozen=True, slots=True)
class _Layout:
    """One way to save a weight.

    Attributes:
        codes: the ending of the name of the codes behind the common part.
        dtypes: that codes may have.
        needed: role → ending and the dtypes that it may have; the first one is rare enough to look for.
        further: role → ending of what may be there as well.
        weight: the ending of the name that the weight has unquantised.
        judge: says by shapes what it is; None for nothing of this kind.

    """

    codes: str
    dtypes: frozenset[str]
    needed: Mapping[str, tuple[str, frozenset[str]]]
    further: Mapping[str, str]
    weight: str
    judge: Judge


def group_at(checkpoint: Checkpoint, node: int) -> QuantisedGroup | None:
    """The group that a tensor of the tree belongs to, looked for among its neighbours; None for none."""
    tree, table = checkpoint.tree, checkpoint.table
    if tree.what[node] != TreeNode.TENSOR:
        return None
    row = int(tree.ref[node])
    near = {table.name[other]: other for other in tensors_near(checkpoint, node)}
    return _group_of(table, table.name[row], near.get)


def groups_in(
    checkpoint: Checkpoint, control: Control | None = None, most_tried: int | None = None
) -> Iterator[QuantisedGroup]:
    """All groups of a checkpoint, layout by layout, each in the order of the file.

    Of each layout no more than `most_tried` tensors are looked at whose names may belong to it.

    Raises:
        Cancelled: `control` was cancelled.

    """
    control = control or Control()
    table = checkpoint.table
    taken: set[int] = set()
    for layout in _LAYOUTS:
        ending = next(iter(layout.needed.values()))[0]
        rows = rows_ending(table.name, table.listed, ending)[:most_tried]
        for first in range(0, len(rows), _SLICE):
            control.check()
            for row in rows[first : first + _SLICE].tolist():
                found = _group_in(table, layout, table.name[row].removesuffix(ending), checkpoint.tensors.rows.get)
                if found is not None and found.members["codes"] not in taken:
                    taken.add(found.members["codes"])
                    yield found


def rows_ending(names: StringColumn, listed: int, ending: str) -> Int64:
    """The first `listed` rows whose name ends so, by columns."""
    raw = ending.encode()
    ends = names.offsets[1 : listed + 1]
    rows: Int64 = np.flatnonzero(ends - names.offsets[:listed] >= len(raw))
    # From behind: most names differ from it there.
    for back, byte in enumerate(reversed(raw), 1):
        rows = rows[names.bytes_array[ends[rows] - back] == byte]
    return rows


def tensors_near(checkpoint: Checkpoint, node: int) -> dict[int, int]:
    """Row → node of the tensors that stand round a node in the tree, itself among them."""
    tree = checkpoint.tree
    above = node
    for _ in range(_LEVELS):
        parent = int(tree.parent[above])
        if parent <= 0 or tree.tensors[parent] > _MOST_NEAR:
            break
        above = parent
    if above == node:
        first, last = max(node - _MOST_NEAR, 0), min(node + _MOST_NEAR, len(tree))
    else:
        first, last = above, int(tree.end[above])
    nodes = first + np.flatnonzero(tree.what[first:last] == TreeNode.TENSOR)
    return dict(zip(tree.ref[nodes].tolist(), nodes.tolist(), strict=True))


def _group_of(table: TensorTable, name: str, find: Find) -> QuantisedGroup | None:
    for layout in _LAYOUTS:
        endings = (layout.codes, *(ending for ending, _ in layout.needed.values()), *layout.further.values())
        for ending in endings:
            found = _group_in(table, layout, name.removesuffix(ending), find) if name.endswith(ending) else None
            if found is not None:
                return found
    return None


def _group_in(table: TensorTable, layout: _Layout, base: str, find: Find) -> QuantisedGroup | None:
    codes = find(base + layout.codes)
    if codes is None or table.dtype_name(codes) not in layout.dtypes:
        return None
    members = {"codes": codes}
    for role, (ending, dtypes) in layout.needed.items():
        row = find(base + ending)
        if row is None or table.dtype_name(row) not in dtypes:
            return None
        members[role] = row
    for role, ending in layout.further.items():
        row = find(base + ending)
        if row is not None:
            members[role] = row
    found = layout.judge(table, members)
    if found is None:
        return None
    nbytes = sum(int(table.nbytes[row]) for row in members.values())
    return QuantisedGroup(found.format, found.scheme, base + layout.weight, members, found.shape, found.weights, nbytes)


# -- what is what ------------------------------------------------------------------------------------


def _bitsandbytes(kind: str) -> Judge:
    def judge(table: TensorTable, members: Members) -> _Found | None:
        # Two in a byte; its quant_state says whether the last one counts.
        return _Found(f"bitsandbytes {kind}", "4bit", None, 2 * int(table.nbytes[members["codes"]]))

    return judge


def _int8(table: TensorTable, members: Members) -> _Found | None:
    shape = table.shape_of(members["codes"])
    if len(shape) != 2 or table.shape_of(members["scale"]) != shape[:1]:
        return None
    return _Found("bitsandbytes int8", "rows", shape, math.prod(shape))


def _scaled(table: TensorTable, members: Members) -> _Found | None:
    shape, scale = table.shape_of(members["codes"]), table.shape_of(members["scale"])
    dtype = table.dtype_name(members["codes"])
    what = "fp8" if dtype in _FLOAT8 else dtype
    tile = tile_of(shape, scale)
    if tile is None or "zero_point" in members:
        return _Found(f"{what} with scales", "", shape, math.prod(shape))
    down, across = tile
    if math.prod(scale) == 1:
        text = "one scale"
    elif (down, across) == (1, shape[-1]):
        text = "a scale for each row"
    elif down == shape[-2]:
        text = "a scale for each column" if across == 1 else f"a scale for {across} columns"
    else:
        text = f"a scale for each {down} × {across}"
    return _Found(f"{what}, {text}", "scaled", shape, math.prod(shape))


def tile_of(shape: tuple[int, ...], scale: tuple[int, ...]) -> tuple[int, int] | None:
    """Rows and columns that share a scale; None where the shapes do not tell.

    Tiles of 128 × 128 are DeepSeek-V3's and everyone's since; of other sizes only those that fit without rest.
    """
    if len(shape) < 2 or 0 in shape:
        return None
    if math.prod(scale) == 1:
        return shape[-2], shape[-1]
    if len(scale) == 1 and len(shape) == 2 and scale[0] == shape[0]:
        return 1, shape[1]
    if len(scale) != len(shape) or scale[:-2] != shape[:-2]:
        return None
    steps = []
    for size, count in zip(shape[-2:], scale[-2:], strict=True):
        if not 0 < count <= size:
            return None
        if count == 1:
            steps.append(size)
        elif count == size:
            steps.append(1)
        elif -(-size // 128) == count:
            steps.append(128)
        elif size % count == 0:
            steps.append(size // count)
        else:
            return None
    return steps[0], steps[1]


def _packed_int32(kind: str) -> Judge:
    def judge(table: TensorTable, members: Members) -> _Found | None:
        codes, scales = table.shape_of(members["codes"]), table.shape_of(members["scale"])
        zeros = table.shape_of(members["zeros"])
        if not len(codes) == len(scales) == len(zeros) == 2 or not scales[1]:
            return None
        bits, rest = divmod(32 * zeros[1], scales[1])
        # GPTQ packs down the rows, AWQ across the columns.
        along = codes[1] == scales[1]
        if rest or not 1 <= bits <= 8 or along is not (kind == "GPTQ"):
            return None
        if not along and codes[1] != zeros[1]:
            return None
        shape = (scales[1], codes[0] * 32 // bits if along else codes[0])
        return _Found(f"{kind} {bits} bits", "", shape, math.prod(shape))

    return judge


def _compressed(table: TensorTable, members: Members) -> _Found | None:
    codes, scale = table.shape_of(members["codes"]), table.shape_of(members["scale"])
    if len(codes) != 2 or len(scale) != 2 or codes[0] != scale[0]:
        return None
    # Of how many bits a code is only its config tells; four is what nearly all have.
    return _Found("compressed-tensors, packed", "", None, 0)


def _nibbles(kind: str) -> Judge:
    """Two codes a byte, and a scale for each 16 (NVFP4) or 32 (MXFP4) of them."""

    def judge(table: TensorTable, members: Members) -> _Found | None:
        codes, scale = table.shape_of(members["codes"]), table.shape_of(members["scale"])
        if kind == "MXFP4":
            if len(codes) < 3 or codes[:-1] != scale or codes[-1] != 16:
                return None
            shape = (*codes[:-2], codes[-2] * 32)
        else:
            if len(codes) < 2 or codes[:-1] != scale[:-1] or codes[-1] != 8 * scale[-1]:
                return None
            shape = (*codes[:-1], codes[-1] * 2)
        return _Found(kind, "", shape, math.prod(shape))

    return judge


_BITSANDBYTES = {
    "quant_map": ".quant_map",
    "nested_absmax": ".nested_absmax",
    "nested_quant_map": ".nested_quant_map",
}

# The one that asks for most stands first.
_LAYOUTS: tuple[_Layout, ...] = (
    *(
        _Layout(
            "",
            _BYTES | _FLOATS,  # packed into bytes, or into what bnb_4bit_quant_storage says
            {"quant_state": (f".quant_state.bitsandbytes__{kind}", _BYTES), "absmax": (".absmax", _BYTES | _FLOATS)},
            _BITSANDBYTES,
            "",
            _bitsandbytes(kind),
        )
        for kind in ("nf4", "fp4")
    ),
    _Layout(
        ".weight",
        frozenset({"int8"}),
        {"scale": (".SCB", _FLOATS)},
        {"weight_format": ".weight_format"},
        ".weight",
        _int8,
    ),
    _Layout(
        "",
        _BYTES,
        {"scale_2": ("_scale_2", _FLOATS), "scale": ("_scale", _FLOAT8)},
        {},
        "",
        _nibbles("NVFP4"),
    ),
    _Layout(
        "_packed",
        _BYTES,
        {"scale_2": ("_global_scale", _FLOATS), "scale": ("_scale", _FLOAT8)},
        {},
        "",
        _nibbles("NVFP4"),
    ),
    _Layout("_blocks", _BYTES, {"scale": ("_scales", _BYTES)}, {}, "", _nibbles("MXFP4")),
    _Layout(
        ".qweight",
        _WHOLE,
        {"zeros": (".qzeros", _WHOLE), "scale": (".scales", _FLOATS)},
        {"g_idx": ".g_idx"},
        ".weight",
        _packed_int32("GPTQ"),
    ),
    _Layout(
        ".qweight",
        _WHOLE,
        {"zeros": (".qzeros", _WHOLE), "scale": (".scales", _FLOATS)},
        {},
        ".weight",
        _packed_int32("AWQ"),
    ),
    _Layout(
        "_packed",
        _WHOLE,
        {"shape": ("_shape", _WHOLE), "scale": ("_scale", _FLOATS)},
        {"zero_point": "_zero_point", "g_idx": "_g_idx"},
        "",
        _compressed,
    ),
    _Layout("", _FLOAT8, {"scale": ("_scale_inv", _FLOATS)}, {}, "", _scaled),
    _Layout(
        "",
        _FLOAT8 | {"int8"},
        {"scale": ("_scale", _FLOATS)},
        {"zero_point": "_zero_point"},
        "",
        _scaled,
    ),
)
