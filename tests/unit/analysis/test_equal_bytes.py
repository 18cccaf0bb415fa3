"""Equal bytes: figures only propose; what differs in one bit, or was made to look alike, is not equal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from sdviewer.analysis.channel_table import maybe_equal
from sdviewer.analysis.channels import channels
from sdviewer.analysis.equal_bytes import equal_channels, equal_tensors, likely_equal
from sdviewer.analysis.scan import Scan
from tests.helpers.saved import opened
from tests.helpers.spying import spying


def weights(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_copies_are_proposed_and_confirmed_whatever_their_layout(tmp_path: Path) -> None:
    one = weights(300, 200)
    state = {"a": one, "b": weights(300, 200, seed=1), "c": one.clone(), "d": one.T.contiguous().T}
    checkpoint = opened(tmp_path, state)
    groups = likely_equal(checkpoint, Scan(checkpoint).run())
    assert groups == [[0, 2, 3]]
    assert equal_tensors(checkpoint, groups) == {2: 0, 3: 0}


def test_equal_figures_with_other_bytes_are_proposed_and_refused(tmp_path: Path) -> None:
    one = weights(300, 200)
    checkpoint = opened(tmp_path, {"a": one, "b": one.flip(0), "c": one.flip(0).clone()})
    groups = likely_equal(checkpoint, Scan(checkpoint).run())
    assert groups == [[0, 1, 2]]
    assert equal_tensors(checkpoint, groups) == {2: 1}


def test_ties_constants_and_other_dtypes_are_not_proposed(tmp_path: Path) -> None:
    one = weights(30, 20)
    state = {"a": one, "tied": one, "zeros": torch.zeros(99), "zeros too": torch.zeros(99), "wide": one.double()}
    checkpoint = opened(tmp_path, state)
    assert likely_equal(checkpoint, Scan(checkpoint).run()) == []


def test_a_thousand_alike_tensors_do_not_make_a_million_comparisons(tmp_path: Path) -> None:
    base = torch.arange(1000.0)
    state = {f"t{i}": base.roll(i) for i in range(300)}
    checkpoint = opened(tmp_path, state)
    groups = likely_equal(checkpoint, Scan(checkpoint).run())
    assert list(map(len, groups)) == [300]
    with spying() as spy:
        assert equal_tensors(checkpoint, groups) == {}
    assert spy.total < 300 * 4000 * 18


def test_what_cannot_be_read_is_equal_to_nothing(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, {"a": weights(30, 20), "b": weights(30, 20)})
    checkpoint.close()
    (tmp_path / "saved.pt").write_bytes(b"")
    assert equal_tensors(checkpoint, [[0, 1]]) == {}


def test_channels_made_to_have_one_mix_are_refused_by_their_bytes(tmp_path: Path) -> None:
    rows = torch.randint(1, 1 << 20, (8, 64), dtype=torch.int32, generator=torch.Generator().manual_seed(0))
    rows[:, 10] = 1 << 30
    rows[5] = rows[2]
    # x ^ (x >> 15) has odd weights 1 and 3 at places 0 and 1: three less here is one more there.
    rows[6] = rows[2]
    rows[2, :2] = rows[5, :2] = torch.tensor([5 * 3, 7])
    rows[6, :2] = torch.tensor([4 * 3, 8])
    ref = opened(tmp_path, {"w": rows}).tensors["w"]
    found = channels(ref)
    assert found.mix[2] == found.mix[5] == found.mix[6]
    groups = maybe_equal(found)
    assert groups == ((2, 5, 6),)
    assert equal_channels(ref, 0, groups) == [(2, 5)]


def test_channels_along_another_axis_are_compared_there(tmp_path: Path) -> None:
    values = weights(40, 9)
    values[:, 7] = values[:, 1]
    ref = opened(tmp_path, {"w": values.bfloat16()}).tensors["w"]
    groups = maybe_equal(channels(ref, 1))
    assert groups == ((1, 7),)
    assert equal_channels(ref, 1, groups) == [(1, 7)]
    assert np.array_equal(values[:, 7], values[:, 1])
