"""Another tolerance is settled from sums only where reading the values again would say the same."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from sdviewer.comparison.comparing import Compared, compare_matching
from sdviewer.comparison.matching import Matching, match
from sdviewer.comparison.rejudging import rejudged
from sdviewer.comparison.sides import Side
from sdviewer.comparison.tolerances import Tolerance
from tests.helpers.saved import opened

NAN, INF = float("nan"), float("inf")


@pytest.fixture(scope="module")
def matching(tmp_path_factory: pytest.TempPathFactory) -> Matching:
    torch.manual_seed(0)
    base = torch.randn(500)
    a = {"near": base, "far": base, "few": base, "small": base, "half": base, "none": base, "empty": torch.empty(0)}
    b = {
        "near": base + 1e-4 * torch.randn(500),
        "far": base * -2,
        # One large value moves far, by little of its size; a small one moves by less, but much of its size.
        "few": base.clone(),
        "small": base + 1e-3,
        "half": base.bfloat16(),
        "none": base.clone(),
        "empty": torch.empty(0),
    }
    a["few"] = base.clone()
    a["few"][3], b["few"][3] = 1000.0, 1001.5
    a["few"][7], b["few"][7] = 0.001, 0.5
    odd = torch.tensor([1.0, NAN, INF, -INF, 2.0])
    a |= {"nan": odd, "same odd": odd, "counts": torch.arange(100), "complex": torch.randn(9, dtype=torch.complex64)}
    b |= {"nan": torch.tensor([1.0, 3.0, INF, INF, 2.5]), "same odd": odd, "counts": torch.arange(100) + 2}
    b |= {"complex": a["complex"] + 0.01j}
    sides = []
    for name, tensors in (("a", a), ("b", b)):
        checkpoint = opened(tmp_path_factory.mktemp(name), tensors)
        sides.append(Side(checkpoint, None, tuple(checkpoint.tensors), np.arange(len(checkpoint.tensors))))
    return match(*sides)


def read_with(matching: Matching, tolerance: Tolerance) -> dict[str, Compared]:
    found = compare_matching(matching, tolerance=lambda _, __: tolerance)
    return {matching.a.keys[one.pair.a]: one for one in found.pairs}


TOLERANCES = [Tolerance(r, a) for r, a in itertools.product((0.0, 1e-3, 0.1, 10.0), (0.0, 1e-4, 1e-2, 1.0, 1e9))]


@pytest.mark.parametrize("before", [Tolerance(0.0, 0.0), Tolerance(1e-3, 1e-2), Tolerance(10.0, 1e9)], ids=str)
def test_what_is_settled_is_what_reading_again_says(matching: Matching, before: Tolerance) -> None:
    known = read_with(matching, before)
    undecided = 0
    for tolerance in TOLERANCES:
        for name, expected in read_with(matching, tolerance).items():
            found = rejudged(known[name], tolerance)
            if found is None:
                # The largest |Δ| decides where the size of the values does not count.
                assert tolerance.rtol
                undecided += 1
                continue
            assert found.marks == expected.marks, (name, tolerance)
            if found.measures is None or expected.measures is None:
                continue
            if found.measures.counts_outside:
                assert found.measures == expected.measures
            else:
                assert 0 < found.measures.outside <= expected.measures.outside
    assert undecided < len(TOLERANCES) * len(known) / 5


def test_a_small_value_beside_a_large_one_is_left_to_reading(matching: Matching) -> None:
    known = read_with(matching, Tolerance(0.0, 0.0))["few"]
    assert rejudged(known, Tolerance(0.01, 0.01)) is None
    assert read_with(matching, Tolerance(0.01, 0.01))["few"].marks == ("changed",)


def test_one_judgement_after_the_other_is_as_good_as_the_first(matching: Matching) -> None:
    known = read_with(matching, Tolerance(0.0, 0.0))["near"]
    loose = rejudged(known, Tolerance(0.0, 1.0))
    assert loose is not None
    assert loose.marks == ("close",)
    again = rejudged(loose, Tolerance(0.0, 0.0))
    assert again == known
