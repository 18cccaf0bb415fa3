"""Globs fit whole canonical names and whole state_dict keys."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.selecting import rows_named
from sdviewer.errors import NameNotFound
from tests.helpers.saved import opened


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    state = {"a.weight": torch.ones(1), "a.bias": torch.ones(1), "b.weight": torch.ones(1)}
    return opened(tmp_path, {"model": state, "list": [torch.ones(1)], "sparse": torch.eye(2).to_sparse()})


def named(checkpoint: Checkpoint, *globs: str) -> set[str]:
    rows = rows_named(checkpoint, globs)
    assert np.array_equal(rows, np.unique(rows))
    return {checkpoint.table.name[row] for row in rows.tolist()}


@pytest.mark.filterwarnings("ignore:Sparse")
@pytest.mark.parametrize(
    ("globs", "expected"),
    [
        (["a.*"], {"model/a.weight", "model/a.bias"}),
        (["*.weight"], {"model/a.weight", "model/b.weight"}),
        (["model/*bias", "b.weight"], {"model/a.bias", "model/b.weight"}),
        (["[ab].bias"], {"model/a.bias"}),
        (["list/[[]0]"], {"list/[0]"}),
        (["list/[0]"], {"list/[0]"}),
        (["sparse/*"], {"sparse/indices", "sparse/values"}),
    ],
)
def test_globs_fit_names_and_keys(globs: list[str], expected: set[str], checkpoint: Checkpoint) -> None:
    assert named(checkpoint, *globs) == expected


@pytest.mark.filterwarnings("ignore:Sparse")
@pytest.mark.parametrize("glob", ["weight", "A.*", "model", "*.nothing"])
def test_a_glob_that_fits_nothing_is_an_error_that_names_it(glob: str, checkpoint: Checkpoint) -> None:
    with pytest.raises(NameNotFound, match="no tensor is called") as raised:
        rows_named(checkpoint, ["*", glob])
    assert repr(glob) in str(raised.value)
