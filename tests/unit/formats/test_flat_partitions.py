"""Flat partitions against a vector that is really cut, padded and joined again."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.checkpoint.dtypes import BY_NAME
from sdviewer.formats.flat_partitions import Misfit, Piece, Run, divided, joined

Values = npt.NDArray[np.float32]
FLOAT32 = BY_NAME["float32"]


def values_of(pieces: list[Piece], held: list[Values]) -> list[float]:
    """What lies in pieces; source `i` is `held[i]`, as float32."""
    found: list[float] = []
    for piece in pieces:
        start = piece.offset // 4
        found += held[piece.source][start : start + piece.count].tolist()
    return found


@given(
    sizes=st.lists(st.integers(0, 40), min_size=1, max_size=12),
    ranks=st.integers(1, 7),
    align=st.sampled_from([1, 2]),
    lean=st.booleans(),
)
def test_parameters_come_back_from_any_cut(sizes: list[int], ranks: int, align: int, *, lean: bool) -> None:
    needed = sum(sizes)
    flat = np.arange(needed, dtype=np.float32)
    whole = align * ranks * math.ceil(needed / (align * ranks))
    padded = np.concatenate((flat, np.full(whole - needed, -1, np.float32)))
    size = whole // ranks
    held = [
        padded[rank * size : max(rank * size, min((rank + 1) * size, needed) if lean else (rank + 1) * size)]
        for rank in range(ranks)
    ]
    stretches = [Piece(f"{rank}", rank, 0, len(part), FLOAT32) for rank, part in enumerate(held)]
    run, misfits = joined(stretches, needed, [f"{rank}" for rank in range(ranks)])
    assert not misfits
    start = 0
    for count in sizes:
        assert values_of(run.cut(start, count), held) == flat[start : start + count].tolist()
        start += count


@given(sizes=st.lists(st.integers(0, 40), min_size=1, max_size=12), ranks=st.integers(1, 7), cut=st.integers(0, 60))
def test_parameters_that_each_rank_has_a_part_of_come_back(sizes: list[int], ranks: int, cut: int) -> None:
    parts: list[list[Values]] = [[] for _ in range(ranks)]
    for number, count in enumerate(sizes):
        share = math.ceil(count / ranks)
        padded = np.full(share * ranks, -1, np.float32)
        padded[:count] = np.arange(count) + 1000 * number
        for rank in range(ranks):
            parts[rank].append(padded[rank * share : (rank + 1) * share])
    held = [np.concatenate(part) for part in parts]
    runs = []
    for rank, vector in enumerate(held):
        first = min(cut, len(vector))
        pieces = (Piece("", rank, 0, first, FLOAT32), Piece("", rank, 4 * first, len(vector) - first, FLOAT32))
        runs.append(Run(pieces))
    start = 0
    for number, count in enumerate(sizes):
        found = divided(runs, start, count, [""] * ranks)
        assert values_of(found, held) == [1000.0 * number + at for at in range(count)]
        start += math.ceil(count / ranks)


@pytest.mark.parametrize("absent", [0, 1, 2])
def test_a_lost_rank_leaves_a_hole_of_its_length(absent: int) -> None:
    files = ["a", "b", "c"]
    stretches = [
        None if rank == absent else Piece(files[rank], rank, 0, n, FLOAT32) for rank, n in enumerate((4, 4, 2))
    ]
    run, misfits = joined(stretches, 10, files)
    assert not misfits
    assert [piece.file for piece in run.cut(4 * absent, 2)] == [files[absent]]
    assert all(piece.source < 0 for piece in run.cut(4 * absent, 2))
    others = [piece for rank in range(3) if rank != absent for piece in run.cut(4 * rank, 2)]
    assert all(piece.source >= 0 and piece.offset == 0 for piece in others)


def test_a_stretch_that_is_too_short_or_too_long_moves_no_other() -> None:
    for count, expected in ((3, 4), (9, 4)):
        pieces = [Piece("a", 0, 0, 4, FLOAT32), Piece("b", 1, 0, count, FLOAT32), Piece("c", 2, 0, 4, FLOAT32)]
        run, misfits = joined(pieces, 12, ["a", "b", "c"])
        assert misfits == [Misfit(1, count, expected)]
        assert run.cut(8, 4) == [pieces[2]]


def test_a_vector_that_ends_before_gives_what_it_has() -> None:
    run, _ = joined([Piece("a", 0, 0, 4, FLOAT32), Piece("b", 1, 0, 4, FLOAT32)], 2**60, ["a", "b"])
    assert run.cut(2, 2**59) == [Piece("a", 0, 8, 2, FLOAT32), Piece("b", 1, 0, 4, FLOAT32)]
    assert run.cut(2**58, 5) == []
