"""Every real checkpoint of the corpus holds what its reference reads from it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sdviewer
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.metadata import metadata_of
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.table import Flag
from tests.helpers.corpus import CORPUS, expected, files, needs_corpus
from tests.unit.cli.running import no_window

pytestmark = needs_corpus

_READ = sorted(name for name, told in expected().items() if "tensors" in told)


def sha256_of(ref: sdviewer.TensorRef) -> str:
    """Over the contiguous little-endian bytes, conj and neg resolved."""
    if ref.flags & (Flag.CONJ | Flag.NEG):
        return hashlib.sha256(ref.numpy().tobytes()).hexdigest()
    if ref.is_contiguous:
        # As stored: the codes of packed dtypes take a byte for each half of one.
        return hashlib.sha256(ref.payload().read_span().tobytes()).hexdigest()
    return hashlib.sha256(ref.codes().tobytes()).hexdigest()


@pytest.fixture
def opened(request: pytest.FixtureRequest) -> Iterator[tuple[Checkpoint, dict[str, Any]]]:
    """The file named by the parameter, and what is expected of it."""
    with sdviewer.open(CORPUS / request.param) as checkpoint:
        yield checkpoint, expected()[request.param]


@pytest.mark.parametrize("opened", _READ, indirect=True)
def test_the_tensors_are_those_of_the_reference(opened: tuple[Checkpoint, dict[str, Any]]) -> None:
    checkpoint, told = opened
    by_path = {ref.path: ref for ref in checkpoint.tensors.values()}
    for wanted in told["tensors"]:
        ref = by_path[tuple(wanted["path"])]
        assert (ref.dtype, list(ref.shape)) == (wanted["dtype"], wanted["shape"]), ref.name
        if "sha256" in wanted:
            assert sha256_of(ref) == wanted["sha256"], ref.name
    if checkpoint.format != "torchscript":
        # Of TorchScript more may be listed: constants and plain attributes.
        assert len(by_path) == len(told["tensors"])


@pytest.mark.parametrize("opened", _READ, indirect=True)
def test_each_tensor_stands_once_in_the_tree_and_in_one_section(opened: tuple[Checkpoint, dict[str, Any]]) -> None:
    checkpoint, _ = opened
    tree, rows = checkpoint.tree, list(range(len(checkpoint.tensors)))
    assert sorted(tree.ref[tree.what == TreeNode.TENSOR].tolist()) == rows
    assert sorted(row for section in checkpoint.sections.values() for row in section.rows.tolist()) == rows


@pytest.mark.parametrize("name", files("real", "made"))
def test_info_tells_of_every_file_or_says_what_it_is(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    import json

    from sdviewer.cli.exits import Exit
    from sdviewer.cli.main import run

    code = run(["info", "--json", str(CORPUS / name)], no_window)
    told, errors = capsys.readouterr()
    document = json.loads(told)
    if code == Exit.CANNOT:
        assert expected()[name].get("tensors") is None
        assert document["error"]["kind"] in {"unsupported_format", "not_a_checkpoint", "damaged"}
        assert Path(name).name in errors
        assert errors.count("\n") == 1
        return
    assert code in {Exit.FINE, Exit.FINDING}
    assert document["schema"] == 1
    # The archive of old torch that was made by hand has no reference there.
    assert len(document["tensors"]) >= len(expected().get(name, {}).get("tensors", ()))
    if code == Exit.FINE:
        assert not any(problem["severity"] == "error" for problem in document["problems"])


@pytest.mark.parametrize("name", files("hostile", "malformed"))
def test_a_broken_or_hostile_file_gets_an_answer(name: str) -> None:
    try:
        with sdviewer.open(CORPUS / name) as checkpoint:
            assert metadata_of(checkpoint.description) is not None
    except sdviewer.CannotOpen as error:
        assert Path(name).name in error.file  # noqa: PT017  # either answer is right
