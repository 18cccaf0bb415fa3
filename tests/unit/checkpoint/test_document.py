"""A checkpoint passes on what its reader found, and is done with its files when it is closed."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from sdviewer.checkpoint.document import Checkpoint, Problem
from tests.helpers.hand_built import ODD_NAMES, checkpoint_with, description_with


@pytest.fixture
def checkpoint() -> Checkpoint:
    return checkpoint_with(description_with(problems=(Problem("extra", "info", "more than was named", "x"),)))


def test_what_the_reader_found_is_at_hand(checkpoint: Checkpoint) -> None:
    description = checkpoint.description
    assert checkpoint.format == "torch zip"
    assert checkpoint.table is description.tensors
    assert checkpoint.problems == (Problem("extra", "info", "more than was named", "x"),)
    assert checkpoint.globals is description.globals
    assert checkpoint.shards is description.shards
    assert checkpoint.duplicates is description.duplicates


def test_sections_are_bound_to_their_checkpoint(checkpoint: Checkpoint) -> None:
    section = checkpoint.sections["model"]
    assert [ref.checkpoint for ref in section.tensors.values()] == [checkpoint] * len(ODD_NAMES)
    other = checkpoint_with(checkpoint.description)
    again = section.bound_to(other)
    assert all(ref.checkpoint is other for ref in again.tensors.values())
    assert all(ref.checkpoint is checkpoint for ref in section.tensors.values())


def test_iterating_gives_the_names_in_file_order(checkpoint: Checkpoint) -> None:
    assert list(checkpoint) == list(checkpoint.tensors) == list(ODD_NAMES)
    assert checkpoint.tensors is checkpoint.tensors


def test_the_path_of_a_plain_key_is_the_key_alone_whatever_is_in_it(checkpoint: Checkpoint) -> None:
    assert [checkpoint.path_of(row) for row in range(len(ODD_NAMES))] == [(name,) for name in ODD_NAMES]


def test_a_checkpoint_cannot_be_changed(checkpoint: Checkpoint) -> None:
    with pytest.raises(FrozenInstanceError):
        checkpoint.path = "other"  # type: ignore[misc]


def test_leaving_the_context_closes_the_sources(checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[bool] = []
    monkeypatch.setattr(checkpoint.sources, "close", lambda: closed.append(True))
    with checkpoint as entered:
        assert entered is checkpoint
        assert closed == []
    assert closed == [True]
