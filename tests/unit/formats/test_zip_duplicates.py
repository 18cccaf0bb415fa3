"""Of several entries with one name the one that torch reads counts: torch's own archive reader is asked."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdviewer.formats import zip_duplicates
from sdviewer.formats.opening import open_checkpoint
from sdviewer.formats.zip_duplicates import repeated_names, torch_winners
from tests.helpers.torch_archives import entries_of, repacked
from tests.helpers.torch_oracle import assert_same, saved

pytestmark = pytest.mark.filterwarnings("ignore:Duplicate name")

# Few names, so that many stand twice; some differ in case only, which torch does not see.
NAMES = st.lists(st.sampled_from([*(f"data/{i}" for i in range(12)), "Data/3", "DATA/3", "é", "É"]), min_size=1)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NAMES)
def test_the_entry_that_torch_reads_wins(tmp_path: Path, names: list[str]) -> None:
    full = ["m/version", *(f"m/{name}" for name in names)]
    path = repacked(tmp_path / "m.pt", [(name, b"%d" % i if i else b"3\n") for i, name in enumerate(full)])
    torchs = torch._C.PyTorchFileReader(str(path))
    winners = torch_winners(full, full)
    for name in names:
        assert b"%d" % winners[f"m/{name}"] == torchs.get_record(name)


@given(NAMES)
def test_only_repeated_names_are_listed_each_once(names: list[str]) -> None:
    lowered = [name.encode().lower() for name in names]
    expected = [name for name in dict.fromkeys(names) if lowered.count(name.encode().lower()) > 1]
    # "É" and "é" are two names to torch; listing both does no harm, for each is its own winner.
    assert [name for name in repeated_names(names) if name.isascii()] == [n for n in expected if n.isascii()]


@pytest.mark.parametrize("first", [0, 1])
def test_a_checkpoint_with_two_of_one_storage_shows_what_torch_loads(tmp_path: Path, first: int) -> None:
    path = saved(tmp_path / "m.pt", {f"w{i}": torch.full((4,), float(i)) for i in range(9)})
    extra = ("m/data/3", torch.full((4,), 33.0).numpy().tobytes())
    entries = entries_of(path)
    repacked(path, [entries[0], extra, *entries[1:]] if first else [*entries, extra])
    checkpoint = open_checkpoint(path)
    for name, tensor in torch.load(path).items():
        assert_same(checkpoint.tensors[name], tensor)
    assert [duplicate.name for duplicate in checkpoint.duplicates] == ["m/data/3"]
    assert [(p.kind, p.where) for p in checkpoint.problems] == [("duplicate", "m/data/3")]


def test_two_pickles_of_one_name_show_the_one_that_torch_loads(tmp_path: Path) -> None:
    one = entries_of(saved(tmp_path / "m.pt", {"one": torch.ones(1)}))
    two = dict(entries_of(saved(tmp_path / "m.pt", {"two": torch.ones(1)})))
    path = repacked(tmp_path / "m.pt", [*one, ("m/data.pkl", two["m/data.pkl"])])
    assert list(open_checkpoint(path).tensors) == list(torch.load(path))


def test_all_names_are_sorted_once_however_many_repeat(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.pt", {"w": torch.ones(1)})
    repacked(path, [*entries_of(path), *((f"m/x/{i // 2}", b"") for i in range(400))])
    with patch.object(zip_duplicates, "_heap_sorted", wraps=zip_duplicates._heap_sorted) as sort:
        assert len(open_checkpoint(path).duplicates) == 200
    assert sort.call_count == 1
