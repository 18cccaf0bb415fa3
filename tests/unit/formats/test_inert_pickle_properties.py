"""Properties of the pickle machine: what Python pickled is read equal, what nobody pickled breaks with an offset."""

from __future__ import annotations

import collections
import pickle
import pickletools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tests.helpers.opcodes as op
from sdviewer.formats.inert_pickle import BrokenPickle
from tests.helpers.plain_values import machine_over, value_of

# A file of its own for each example; one folder serves them all.
EACH = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

texts = st.text(max_size=1500)
numbers = st.integers() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.booleans()
plain = st.none() | numbers | texts | st.binary(max_size=1500) | st.complex_numbers(allow_nan=False)
keys = st.none() | st.integers() | texts | st.binary(max_size=20) | st.tuples(st.integers(), texts)


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return (
        st.lists(inner, max_size=6)
        | st.tuples(inner)
        | st.tuples(inner, inner)
        | st.lists(inner, max_size=5).map(tuple)
        | st.dictionaries(keys, inner, max_size=6)
        | st.dictionaries(keys, inner, max_size=6).map(collections.OrderedDict)
        | st.sets(keys, max_size=6)
        | st.frozensets(keys, max_size=6)
        # One object in two places, which the pickler writes once.
        | st.lists(inner, max_size=3).map(lambda shared: [shared, shared])
    )


values = st.recursive(plain, containers, max_leaves=30)


@EACH
@given(value=values, protocol=st.integers(0, 5))
def test_whatever_python_pickles_is_read_equal(tmp_path: Path, value: Any, protocol: int) -> None:
    (tmp_path / "p").write_bytes(pickle.dumps(value, protocol))
    machine = machine_over(tmp_path / "p", plain=True)
    assert repr(value_of(machine.load(), machine)) == repr(pickle.loads(pickle.dumps(value, protocol)))
    assert machine.position == len(pickle.dumps(value, protocol))


@EACH
@given(value=values, protocol=st.integers(0, 5))
def test_an_optimised_pickle_is_read_alike(tmp_path: Path, value: Any, protocol: int) -> None:
    program = pickletools.optimize(pickle.dumps(value, protocol))
    (tmp_path / "p").write_bytes(program)
    machine = machine_over(tmp_path / "p", plain=True)
    assert repr(value_of(machine.load(), machine)) == repr(pickle.loads(program))


def read_or_broken(path: Path, size: int) -> None:
    machine = machine_over(path, plain=True)
    offset = 0
    try:
        machine.load()
    except BrokenPickle as error:
        offset = error.offset
        machine.salvage()
    assert 0 <= offset <= size


@EACH
@given(program=st.binary(max_size=200))
def test_any_bytes_end_or_break_with_an_offset_inside_them(tmp_path: Path, program: bytes) -> None:
    (tmp_path / "p").write_bytes(program)
    read_or_broken(tmp_path / "p", len(program))


operands = st.one_of(
    st.sampled_from([opcode.code.encode("latin-1") for opcode in pickletools.opcodes]),
    st.sampled_from([b")", b"]", b"}", b"(", b"N", b"K\x01", b"\x8c\x01a", b"q\0", b"h\0", b"\x94", b"2", b"0"]),
    st.integers(0, 255).map(op.number),
    st.sampled_from(["", "a", "os.system"]).map(op.text),
    st.sampled_from(["set", "list", "dict", "tuple", "complex", "bytearray"]).map(lambda n: op.named("builtins", n)),
    st.sampled_from(["OrderedDict", "deque", "defaultdict"]).map(lambda name: op.named("collections", name)),
    st.binary(max_size=6),
)


@settings(EACH, max_examples=300)
@given(pieces=st.lists(operands, max_size=40))
def test_any_order_of_opcodes_ends_or_breaks_with_an_offset(tmp_path: Path, pieces: list[bytes]) -> None:
    program = op.program(*pieces)
    (tmp_path / "p").write_bytes(program)
    read_or_broken(tmp_path / "p", len(program))


@EACH
@given(value=values, protocol=st.integers(0, 5), data=st.data())
def test_a_pickle_cut_anywhere_breaks_and_gives_no_value_that_was_not_there(
    tmp_path: Path, value: Any, protocol: int, data: st.DataObject
) -> None:
    program = pickle.dumps([value], protocol)
    (tmp_path / "p").write_bytes(program[: data.draw(st.integers(0, len(program) - 1))])
    machine = machine_over(tmp_path / "p", plain=True)
    with pytest.raises(BrokenPickle):
        machine.load()
    salvaged = machine.salvage()
    assert salvaged is None or isinstance(salvaged, list)
