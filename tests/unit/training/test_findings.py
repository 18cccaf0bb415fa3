"""What is wrong with the state of an optimizer is found and told by name."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import optim

from sdviewer.training.findings import Finding, find_findings, look_at_moments, moment_rows
from sdviewer.training.steps import read_steps
from tests.helpers.optimizing import Opened, opened, saved, small_model, train


def found_in(one: Opened) -> tuple[Finding, ...]:
    return find_findings(
        one.state, one.naming, read_steps(one.checkpoint, one.state), look_at_moments(one.checkpoint, one.state)
    )


def test_a_sound_optimizer_has_none(tmp_path: Path) -> None:
    model = small_model()
    optimizer = optim.Adam(model.parameters())
    train(model, optimizer)
    assert found_in(saved(tmp_path, model, optimizer)) == ()


def test_moments_that_are_not_finite_or_negative_are_told(tmp_path: Path) -> None:
    model = small_model()
    optimizer = optim.Adam(model.parameters())
    train(model, optimizer)
    first, second, *_ = model.parameters()
    optimizer.state[first]["exp_avg"][0, 0] = torch.nan
    optimizer.state[second]["exp_avg_sq"][1] = -0.5
    nan, negative = found_in(saved(tmp_path, model, optimizer))
    assert (nan.kind, nan.index) == ("not finite", 0)
    assert nan.text == "exp_avg of 0.weight: 1 value of 12 (8.33 %) not finite."
    assert (negative.kind, negative.index) == ("negative second moment", 1)
    assert "exp_avg_sq of 0.bias: the least value is −0.5" in negative.text


def test_steps_that_differ_are_told_with_those_behind(tmp_path: Path) -> None:
    model = small_model()
    first, *_, last = model.children()
    optimizer = optim.AdamW(first.parameters())
    train(model, optimizer, 3)
    optimizer.add_param_group({"params": list(last.parameters())})
    train(model, optimizer, 2)
    differ, *stale = found_in(saved(tmp_path, model, optimizer))
    assert "2 parameters at 2; 2 parameters at 5" in differ.text
    assert [(each.kind, each.index) for each in stale] == [("stale", 2), ("stale", 3)]
    assert "stepped 2 times, others 5 times" in stale[0].text


def test_state_in_no_group_is_told(tmp_path: Path) -> None:
    model = small_model()
    optimizer = optim.Adam(model.parameters())
    train(model, optimizer)
    # The last parameter leaves the group, its state stays.
    whole = optimizer.state_dict()
    whole["param_groups"][0]["params"] = whole["param_groups"][0]["params"][:-1]
    torch.save({"optimizer": whole}, tmp_path / "training.pt")
    assert "1 parameter that is in no group: 7" in found_in(opened(tmp_path / "training.pt"))[0].text


def test_moments_that_another_scan_has_looked_at_are_not_read_again(tmp_path: Path) -> None:
    model = small_model()
    optimizer = optim.Adam(model.parameters())
    train(model, optimizer)
    one = saved(tmp_path, model, optimizer)
    rows = moment_rows(one.state)
    known = look_at_moments(one.checkpoint, one.state)
    (tmp_path / "training.pt").write_bytes(b"")
    assert look_at_moments(one.checkpoint, one.state, known=known).column("l2")[rows].tolist() == (
        known.column("l2")[rows].tolist()
    )
    assert sorted(look_at_moments(one.checkpoint, one.state).errors) == rows.tolist()
