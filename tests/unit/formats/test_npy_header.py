"""Headers of .npy files: what numpy writes is understood, anything else is refused and never run."""

from __future__ import annotations

from pathlib import Path

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdviewer.checkpoint.table import Flag
from sdviewer.errors import CannotOpen, CannotRead, Damaged, LimitExceeded, UnsupportedFormat
from tests.helpers.npy import Array, kinds, npy, opened, the_only, with_header


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no description"),
        ("[1, 2]", "no dict"),
        ("{'descr': '<f4', 'shape': (3,)}", "lacks 'fortran_order'"),
        ("{'fortran_order': False, 'shape': (3,)}", "lacks 'descr'"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': 3}", "no description"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "impossible shape"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (True,)}", "impossible shape"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': ('3',)}", "impossible shape"),
        (f"{{'descr': '<f4', 'fortran_order': False, 'shape': {(1,) * 65}}}", "impossible shape"),
        (f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({2**32}, {2**32})}}", "can be addressed"),
        (f"{{'descr': '<f4', 'fortran_order': False, 'shape': (0, {2**62}, {2**62})}}", "can be addressed"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1 + 1,)}", "something else"),
        ("{'descr': __import__('os'), 'fortran_order': False, 'shape': ()}", "something else"),
        ("{'descr': 'i4,(2,3)f8', 'fortran_order': False, 'shape': ()}", "no dtype"),
        ("{'descr': 7, 'fortran_order': False, 'shape': ()}", "neither a name"),
        ("{'descr': [('a',)], 'fortran_order': False, 'shape': ()}", "no name and dtype"),
        ("{'descr': [('a', '<f4', (99999, 99999))], 'fortran_order': False, 'shape': ()}", "larger than numpy"),
        ("{'descr': '|V9999999999', 'fortran_order': False, 'shape': ()}", "larger than numpy"),
        ("{" * 60_000, "nested too deep"),
        ("(" * 30 + "9" * 5000, "no description"),
        ("'" * 60_001, "something else"),
        ("{'descr': '\\U00110000'}", "no description"),
        ("{'a\0b'}", "no description"),
    ],
)
def test_a_header_that_describes_no_array_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(Damaged, match=says) as caught:
        opened(tmp_path, with_header(text, bytes(64)))
    assert str(tmp_path) in str(caught.value)


def test_a_header_without_an_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LimitExceeded, match="70,012 bytes"):
        opened(tmp_path, with_header(" " * 70_000, version=2)[:12] + bytes(100))
    with pytest.raises(UnsupportedFormat, match=r"version 4\.0"):
        opened(tmp_path, with_header("{}", version=4))


SMALL = {
    "numbers": npy(np.arange(5, dtype="<i2")),
    "a record": npy(np.zeros(2, [("a", "<f4"), ("b", "u1")])),
    "objects": npy(np.array({"w": np.arange(5.0), "epoch": 3})),
}


@pytest.mark.parametrize("content", SMALL.values(), ids=SMALL.keys())
def test_cut_off_at_any_byte_an_array_opens_in_part_or_says_why_not(tmp_path: Path, content: bytes) -> None:
    whole = {name: ref.codes().tobytes() for name, ref in opened(tmp_path, content).tensors.items()}
    for length in range(len(content)):
        try:
            checkpoint = opened(tmp_path, content[:length])
        except CannotOpen as error:
            assert str(tmp_path) in str(error)  # noqa: PT017  # which of the two it is may differ
            continue
        assert "partial" in kinds(checkpoint)
        for name, ref in checkpoint.tensors.items():
            if Flag.OUT_OF_BOUNDS in ref.flags:
                with pytest.raises(CannotRead):
                    ref.codes()
            else:
                assert ref.codes().tobytes() == whole[name]


@st.composite
def arrays(draw: st.DrawFn) -> Array:
    """Arrays of any dtype that needs no pickle, in either order."""
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3))
    scalar = hnp.scalar_dtypes() | hnp.byte_string_dtypes() | hnp.unicode_string_dtypes()
    dtype = draw(scalar | hnp.array_dtypes(scalar, allow_subarrays=True))
    count = int(np.prod(shape, dtype=int)) * dtype.itemsize
    array = np.frombuffer(bytes(count), "u1").view(dtype).reshape(shape) if count else np.empty(shape, dtype)
    return np.asarray(array, order=draw(st.sampled_from("CF")))


@given(arrays())
@settings(max_examples=100)
def test_any_array_that_numpy_saves_is_described_as_numpy_reads_it(
    tmp_path_factory: pytest.TempPathFactory, array: Array
) -> None:
    folder = tmp_path_factory.getbasetemp()
    checkpoint = opened(folder, npy(array))
    ref = the_only(checkpoint)
    back = np.load(folder / "array.npy", allow_pickle=False)
    assert checkpoint.problems == ()
    assert (ref.shape, ref.nbytes) == (back.shape, back.nbytes)
    if array.dtype.itemsize:
        assert ref.codes().size * ref.codes().itemsize == back.nbytes


@given(
    st.sampled_from(sorted(SMALL.values())),
    st.lists(st.tuples(st.integers(0, 200), st.binary(min_size=1, max_size=3)), min_size=1, max_size=4),
)
@settings(max_examples=300)
def test_a_mangled_array_opens_or_says_why_not(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, changes: list[tuple[int, bytes]]
) -> None:
    mangled = bytearray(content)
    for at, what in changes:
        mangled[at : at + len(what)] = what
    try:
        checkpoint = opened(tmp_path_factory.getbasetemp(), bytes(mangled))
    except CannotOpen:
        return
    for ref in checkpoint.tensors.values():
        try:
            ref.codes()
        except CannotRead:
            continue
