"""What plain pickles say: Python's containers, numpy's arrays and scalars, interpreted by our own code.

Arrays become tensors whose bytes stay in the pickle. Nothing here calls anything that the file names.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping as AnyMapping
from typing import Any

import numpy as np

from sdviewer.checkpoint.dtypes import BY_NUMPY, OTHER, Dtype
from sdviewer.checkpoint.table import Encoding, Flag, TableBuilder, contiguous_stride
from sdviewer.formats.files import LocalSources
from sdviewer.formats.pickle_values import (
    ByteRange,
    EncodedBytes,
    Global,
    Group,
    Interpreter,
    Mapping,
    Opaque,
    Scalar,
    TensorNode,
)

_ARRAY_MODULES = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMERIC_MODULES = ("numpy.core.numeric", "numpy._core.numeric")
_MAX_ELEMENTS = 2**62
_MAX_DIMENSIONS = 64
_DTYPE_TEXT = re.compile(r"[<>|=]?[?b-zA-Z]\d{0,9}", re.ASCII).fullmatch
_TIME_UNITS = ("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as")
_PLAIN_ITEMS = (bool, int, float, complex, str, bytes)
_MOST_FIELDS = 100
_MOST_INLINE = 64 << 20  # bytes of arrays written as escaped text, all together


class PickleObjects:
    """Interpreters for one pickle, writing arrays into one table builder.

    Args:
        builder: gets a row for each array.
        source: index of the source that the pickle lies in.
        sources: collects the bytes of arrays that have no plain bytes of their own in the file.
    """

    def __init__(self, builder: TableBuilder, source: int, sources: LocalSources) -> None:
        self.builder = builder
        self._source = source
        self._sources = sources
        self._arrays: dict[int, tuple[Opaque, TensorNode | None]] = {}

    def interpreters(self) -> AnyMapping[str, Interpreter]:
        """Full name → interpreter."""
        table: dict[str, Interpreter] = {
            "collections.OrderedDict": lambda args: _mapping("OrderedDict", args),
            "collections.Counter": lambda args: _mapping("Counter", args),
            "collections.defaultdict": lambda args: _mapping("defaultdict", args[1:]),
            "collections.deque": lambda args: list(args[0]) if args else [],
            "_codecs.encode": _encode,
            "copyreg._reconstructor": _reconstructor,
            "copy_reg._reconstructor": _reconstructor,
            "numpy.dtype": lambda args: Opaque(Global("numpy", "dtype"), args),
        }
        for module in ("builtins", "__builtin__"):
            table |= {
                f"{module}.set": lambda args: Group("set", list(args[0]) if args else []),
                f"{module}.frozenset": lambda args: Group("frozenset", list(args[0]) if args else []),
                f"{module}.list": lambda args: list(args[0]) if args else [],
                f"{module}.tuple": lambda args: tuple(args[0]) if args else (),
                f"{module}.dict": lambda args: _mapping("dict", args),
                f"{module}.complex": lambda args: complex(*args),
                f"{module}.bytearray": _bytearray,
                f"{module}.bytes": _bytearray,
            }
        for module in _ARRAY_MODULES:
            table[f"{module}._reconstruct"] = _array
            table[f"{module}.scalar"] = self._scalar
        for module in _NUMERIC_MODULES:
            table[f"{module}._frombuffer"] = self._frombuffer
        return table

    def as_tensor(self, value: Any) -> TensorNode | None:
        """The tensor of an array that `_reconstruct` and BUILD described; None for anything else."""
        if not isinstance(value, Opaque) or value.class_name != "numpy.ndarray":
            return None
        # Kept with the object, so that its id stays its own.
        known = self._arrays.get(id(value))
        if known is None:
            try:
                _, shape, dtype, fortran, data = value.state
                known = (value, self._add(shape, dtype, data, fortran=bool(fortran)))
            except (TypeError, ValueError, IndexError, KeyError, AttributeError):
                known = (value, None)
            self._arrays[id(value)] = known
        return known[1]

    def _frombuffer(self, args: tuple[Any, ...]) -> TensorNode:
        """Numpy's protocol 5 form: (buffer, dtype, shape, order[, axes]); for order "K" axes of the shape in memory."""
        data, dtype, shape, order = args[:4]
        axes = tuple(args[4]) if len(args) > 4 and order == "K" and args[4] is not None else None
        return self._add(shape, dtype, data, fortran=order == "F", axes=axes)

    def _scalar(self, args: tuple[Any, ...]) -> Scalar:
        """A numpy scalar: (dtype, bytes)."""
        text = dtype_text(args[0])
        raw = args[1].encode("latin-1") if isinstance(args[1], str) else args[1]
        if not isinstance(raw, bytes):
            # A number would ask for so many bytes.
            raise TypeError("no bytes")
        dtype = np.dtype(text)
        if dtype.hasobject or dtype.fields or dtype.subdtype or len(raw) != dtype.itemsize:
            raise ValueError("no plain scalar")
        value = np.frombuffer(raw, dtype)[0]
        item = value.item()
        # Dates and long doubles have no value of Python's that says as much.
        return Scalar(f"numpy.{dtype.name}", item if type(item) in _PLAIN_ITEMS else str(value))

    def _add(
        self, shape: Any, dtype: Any, data: Any, *, fortran: bool, axes: tuple[Any, ...] | None = None
    ) -> TensorNode:
        sizes, stride = array_form(shape, fortran=fortran)
        if axes is not None:
            if not all(type(axis) is int for axis in axes) or sorted(axes) != list(range(len(sizes))):
                raise ValueError("no order of its axes")
            sizes, stride = tuple(sizes[axis] for axis in axes), tuple(stride[axis] for axis in axes)
        kind, itemsize, swapped, extra = _record(dtype) or numpy_dtype(dtype_text(dtype))
        needed = math.prod(sizes) * itemsize
        storage = self._store(data, needed, swapped=swapped)
        flags = Flag.NUMPY | (Flag.OUT_OF_BOUNDS if needed > self.builder.storage_nbytes(storage) else 0)
        return TensorNode(self.builder.add_tensor(kind, sizes, stride, storage=storage, flags=int(flags), extra=extra))

    def _store(self, data: Any, needed: int, *, swapped: bool) -> int:
        """A storage for the bytes of an array that needs `needed` of them."""
        if isinstance(data, ByteRange):
            # As text each byte takes one or two bytes; how many it stands for is known only after decoding.
            nbytes = min(needed, data.size) if data.text else data.size
            return self.builder.add_storage(
                "pickle",
                source=self._source,
                offset=data.offset,
                nbytes=nbytes,
                stored=data.size,
                encoding=Encoding.LATIN1 if data.text else Encoding.RAW,
                swapped=swapped,
            )
        if isinstance(data, Opaque) and data.class_name == "pickle.PickleBuffer":
            # Protocol 5 can hand buffers over beside the pickle; they are in no file.
            return self.builder.add_storage("pickle", source=-1, offset=0, nbytes=0, encoding=Encoding.MISSING)
        raw = data.encode("latin-1") if isinstance(data, str) else data
        if not isinstance(raw, bytes):
            raise TypeError("an array of objects")
        inline = self._sources.inline
        if len(inline) + len(raw) > _MOST_INLINE:
            raise ValueError("more bytes inside text than are kept")
        offset = len(inline)
        inline += raw
        return self.builder.add_storage(
            "pickle", source=self._sources.inline_index(), offset=offset, nbytes=len(raw), swapped=swapped
        )


def array_form(shape: Any, *, fortran: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shape and stride of a numpy array, in elements.

    Raises:
        ValueError, TypeError: negative, no integers, too many dimensions or more elements than can be addressed.
    """
    if len(shape) > _MAX_DIMENSIONS:
        # Before it is copied: many arrays may share one endless shape.
        raise ValueError("impossible shape")
    sizes = tuple(shape)
    if not all(type(size) is int and size >= 0 for size in sizes):
        raise ValueError("impossible shape")
    # An empty array may still have strides that no integer holds.
    if math.prod(max(size, 1) for size in sizes) > _MAX_ELEMENTS:
        raise ValueError("more elements than can be addressed")
    return sizes, contiguous_stride(sizes[::-1])[::-1] if fortran else contiguous_stride(sizes)


def dtype_text(value: Any) -> str:
    """Numpy's type string ("<f4") of a pickled dtype: `dtype("f4", False, True)` and its state's byte order.

    Raises:
        ValueError, TypeError: a record, a subarray, or no dtype.
    """
    if not isinstance(value, Opaque) or value.class_name != "numpy.dtype":
        raise TypeError("no dtype")
    text = value.args[0]
    # Numpy would parse longer texts, as Python code even.
    if type(text) is not str or _DTYPE_TEXT(text) is None:
        raise ValueError("no dtype of one kind and size")
    order = value.state[1] if isinstance(value.state, tuple) and len(value.state) > 1 else "|"
    if isinstance(value.state, tuple) and len(value.state) > 4 and (value.state[2] is not None or value.state[4]):
        raise ValueError("a record or subarray")
    sized = text if text[:1] in "<>|=" else f"{order if order in ('<', '>', '|', '=') else '|'}{text}"
    return sized + _time_unit(value.state) if sized[1:] in ("M8", "m8") else sized


def _record(value: Any) -> tuple[Dtype, int, bool, dict[str, Any]] | None:
    """As `numpy_dtype`, of a record by its fields; None for any other dtype."""
    state = value.state if isinstance(value, Opaque) else None
    if not isinstance(state, tuple) or len(state) < 6 or state[2] is not None or not isinstance(state[3], tuple):
        return None
    itemsize = state[5]
    if type(itemsize) is not int or not 0 < itemsize < 2**31:
        raise ValueError("a record without a size")
    return OTHER, itemsize, False, {"dtype": _fields_text(state) or f"V{itemsize}", "itemsize": itemsize}


def _fields_text(state: tuple[Any, ...]) -> str:
    """The fields of a record as numpy prints them, "" where they are not of plain dtypes."""
    names, fields = state[3], state[4]
    if not isinstance(fields, Mapping) or not all(type(name) is str for name in names[:_MOST_FIELDS]):
        return ""
    pairs = zip(fields.items[::2], fields.items[1::2], strict=True)
    found = {key: value[0] for key, value in pairs if _is_field(key, value)}
    try:
        texts = [f"({name!r}, {dtype_text(found[name])!r})" for name in names[:_MOST_FIELDS]]
    except (KeyError, TypeError, ValueError):
        return ""
    return f"[{', '.join(texts)}{', …' if len(names) > _MOST_FIELDS else ''}]"


def _is_field(name: Any, value: Any) -> bool:
    return type(name) is str and isinstance(value, tuple) and bool(value)


def _time_unit(state: Any) -> str:
    """The unit of dates and durations ("[ns]", "[25s]"), which stands in the state of their dtype."""
    try:
        unit, step = state[8][1][:2]
        text = unit.decode("ascii") if isinstance(unit, bytes) else unit
    except (TypeError, IndexError, UnicodeDecodeError):
        return ""
    return f"[{step}{text}]" if type(step) is int and text in _TIME_UNITS else ""


def numpy_dtype(text: str) -> tuple[Dtype, int, bool, dict[str, Any] | None]:
    """Row of the dtype table, bytes an element, whether big-endian, and what an `other` dtype needs to say.

    Raises:
        ValueError, TypeError: numpy does not know it, or it holds objects.
    """
    dtype = np.dtype(text)
    if dtype.hasobject:
        raise ValueError("holds objects")
    known = BY_NUMPY.get(dtype.name)
    swapped = text.startswith(">") and dtype.itemsize > 1
    if known is not None:
        return known, dtype.itemsize, swapped, None
    return OTHER, dtype.itemsize, swapped, {"dtype": dtype.str, "itemsize": dtype.itemsize}


def _mapping(type_name: str, args: tuple[Any, ...]) -> Mapping:
    """OrderedDict(), OrderedDict(dict), OrderedDict([[key, value], …])."""
    if not args:
        return Mapping(type_name)
    if isinstance(args[0], Mapping):
        return Mapping(type_name, list(args[0].items))
    return Mapping(type_name, [part for pair in args[0] for part in (pair[0], pair[1])])


def _encode(args: tuple[Any, ...]) -> Any:
    """`_codecs.encode(text, "latin1")`: how protocol ≤ 2 writes bytes."""
    text, codec = args[0], args[1] if len(args) > 1 else "latin1"
    if type(codec) is not str or codec.replace("-", "").replace("_", "").lower() != "latin1":
        raise ValueError("unexpected codec")
    return _encoded(text) if isinstance(text, ByteRange) else text.encode("latin-1")


def _encoded(text: ByteRange) -> ByteRange:
    return EncodedBytes(text.offset, text.size, text=True) if text.text else text


def _bytearray(args: tuple[Any, ...]) -> Any:
    """bytearray(bytes) or bytearray(text, "latin-1"); a bare number would ask for memory."""
    if not args:
        return b""
    if isinstance(args[0], str):
        return args[0].encode("latin-1")
    if isinstance(args[0], ByteRange):
        return _encoded(args[0])
    if isinstance(args[0], bytes):
        return args[0]
    raise TypeError("no bytes")


def _reconstructor(args: tuple[Any, ...]) -> Opaque:
    """Copyreg's way to make an object without its constructor: (class, base, base's value)."""
    return Opaque(args[0], ())


def _array(args: tuple[Any, ...]) -> Opaque:
    """An ndarray to be described by the BUILD that follows; a subclass stays a named object."""
    cls = args[0]
    return Opaque(cls if isinstance(cls, Global) else Global("numpy", "ndarray"), ())
