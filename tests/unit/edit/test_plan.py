"""A plan names what it does to every key, and refuses what would lose or spoil a tensor."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import sdviewer
from sdviewer.edit.applying import Applier
from sdviewer.edit.plan import ExportPlan, Options, Planner, source_of
from sdviewer.edit.rules import (
    AddPrefix,
    BadRule,
    CastTo,
    Exclude,
    Include,
    Rename,
    RenameKeys,
    ReplacePrefix,
    Rule,
    Sort,
    StripPrefix,
    Template,
    from_plain,
    to_plain,
    wrappers_in,
)
from tests.helpers.saved import opened

STATE = {
    "module.encoder.layers.0.w": torch.ones(2, 3),
    "module.encoder.layers.10.w": torch.ones(2, 3),
    "module.encoder.layers.2.w": torch.ones(2, 3),
    "module.head.bias": torch.ones(3).half(),
    "module.steps": torch.tensor(3),
}


_NAMES = ("a.w", "b.w", "x.10", "a.2", "b.b")


def _planner() -> Planner:
    """Of five tensors, two of which are one."""
    with tempfile.TemporaryDirectory() as folder:
        tied = torch.ones(2)
        values = (tied, torch.ones(3).half(), torch.ones(2), tied, torch.tensor(1))
        return Planner(source_of(opened(Path(folder), dict(zip(_NAMES, values, strict=True)))))


@cache
def _kept_planner() -> Planner:
    return _planner()


def planned(folder: Path, *rules: Rule, state: object = STATE, **options: object) -> ExportPlan:
    planner = Planner(source_of(opened(folder, state)))
    return planner.plan(rules, Options(**options))  # type: ignore[arg-type]  # as `Options` takes them


def new_keys(plan: ExportPlan) -> list[str]:
    return [key.new for key in plan.keys]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (
            [StripPrefix("module.")],
            ["encoder.layers.0.w", "encoder.layers.10.w", "encoder.layers.2.w", "head.bias", "steps"],
        ),
        ([StripPrefix("auto"), Include("head")], ["head.bias"]),
        ([Include("head"), Include("steps")], ["module.head.bias", "module.steps"]),
        ([Include("layers"), Exclude("*.10.*")], ["module.encoder.layers.0.w", "module.encoder.layers.2.w"]),
        ([Include("/layers\\.[02]/")], ["module.encoder.layers.0.w", "module.encoder.layers.2.w"]),
        ([Include("dtype:f16")], ["module.head.bias"]),
        ([Exclude("shape:2x3 layers")], ["module.head.bias", "module.steps"]),
        ([Include("-dtype:f32 -steps")], ["module.head.bias"]),
        ([Include("head"), AddPrefix("x.")], ["x.module.head.bias"]),
        ([Include("head"), ReplacePrefix("module.", "net.")], ["net.head.bias"]),
        ([Include("layers.2"), Rename(r"layers\.(\d+)", r"h_\1")], ["module.encoder.h_2.w"]),
        ([Include("layers.2"), Template("module.encoder.layers.{i}.{rest}", "h.{i}.{rest}")], ["h.2.w"]),
        ([Include("steps"), RenameKeys((("module.steps", "n"),))], ["n"]),
        ([Include("layers"), Sort()], [f"module.encoder.layers.{i}.w" for i in (0, 2, 10)]),
        ([Exclude("head", enabled=False), Include("head")], ["module.head.bias"]),
    ],
)
def test_rules_in_order(tmp_path: Path, rules: list[Rule], expected: list[str]) -> None:
    plan = planned(tmp_path, *rules)
    assert new_keys(plan) == expected
    assert not plan.refusals
    assert sorted([key.old for key in plan.keys] + [item.old for item in plan.dropped]) == sorted(STATE)


def test_what_is_dropped_says_by_which_rule(tmp_path: Path) -> None:
    plan = planned(tmp_path, Exclude("head"), Include("layers"))
    assert {item.old: item.by for item in plan.dropped} == {
        "module.head.bias": "exclude head",
        "module.steps": "include layers",
    }


def test_a_cast_concerns_floating_point_tensors_that_its_filter_fits(tmp_path: Path) -> None:
    plan = planned(tmp_path, CastTo("bfloat16", "layers"), CastTo("float32", "head"))
    assert {key.old: key.dtype_after for key in plan.keys} == {
        "module.encoder.layers.0.w": "bfloat16",
        "module.encoder.layers.10.w": "bfloat16",
        "module.encoder.layers.2.w": "bfloat16",
        "module.head.bias": "float32",
        "module.steps": "int64",
    }
    assert plan.nbytes == 3 * 12 + 12 + 8


def test_rules_that_change_nothing_are_said_to(tmp_path: Path) -> None:
    plan = planned(tmp_path, StripPrefix("nothing."), AddPrefix("x."))
    assert [item.kind for item in plan.warnings] == ["idle"]
    assert plan.touched == (0, 5)


def test_two_tensors_of_one_name_are_refused_with_their_names(tmp_path: Path) -> None:
    plan = planned(tmp_path, Rename(r"layers\.\d+", "layers"))
    (refusal,) = plan.refusals
    assert refusal.kind == "collision"
    assert "module.encoder.layers.0.w" in str(refusal)
    assert "module.encoder.layers.10.w" in str(refusal)


def test_nothing_left_is_refused(tmp_path: Path) -> None:
    assert [item.kind for item in planned(tmp_path, Include("nowhere")).refusals] == ["empty"]


def test_what_a_target_cannot_hold_is_refused_with_the_keys(tmp_path: Path) -> None:
    state = {"w": torch.ones(2), "h": torch.ones(2).bfloat16()}
    (refusal,) = planned(tmp_path, state=state, target="npz").refusals
    assert refusal.keys == ("h",)
    assert "bfloat16" in refusal.message
    assert not planned(tmp_path, CastTo("float32"), state=state, target="npz").refusals
    fnuz = {"f": torch.ones(2).to(torch.complex128)}
    assert [item.kind for item in planned(tmp_path, state=fnuz, target="safetensors").refusals] in ([], ["dtype"])


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
def test_tensors_without_plain_values_are_refused_until_they_are_excluded(tmp_path: Path) -> None:
    state = {
        "w": torch.ones(2),
        "sparse": torch.eye(3).to_sparse(),
        "meta": torch.empty(3, device="meta"),
        "q": torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8),
    }
    plan = planned(tmp_path, state=state)
    assert {key for item in plan.refusals for key in item.keys} == {"sparse", "meta", "q"}
    assert not planned(tmp_path, Include("w"), state=state).refusals


def test_other_parts_of_a_file_are_never_lost_in_silence(tmp_path: Path) -> None:
    model = nn.Linear(2, 2)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 1}
    kept = planned(tmp_path, state=state)
    assert [section.name for section in kept.kept_sections] == ["optimizer"]
    assert not kept.refusals
    for options in ({"target": "safetensors"}, {"unwrap": True}, {"wrap": "state_dict"}):
        (refusal,) = planned(tmp_path, state=state, **options).refusals
        assert (refusal.kind, refusal.keys) == ("lost", ("optimizer",))
        dropped = planned(tmp_path, state=state, drop=("optimizer",), **options)
        assert not dropped.refusals
        assert {item.by for item in dropped.dropped} == {"drop optimizer"}
    alone = Planner(source_of(opened(tmp_path, state), "model")).plan([], Options(target="safetensors"))
    assert not alone.refusals


def test_ties_are_told_where_the_target_has_none(tmp_path: Path) -> None:
    base = torch.ones(4)
    state = {"a": base, "b": base, "c": base[1:]}
    assert not planned(tmp_path, state=state).warnings
    (warning,) = planned(tmp_path, state=state, target="safetensors").warnings
    assert (warning.kind, warning.keys) == ("ties", ("b",))


def test_a_rule_that_is_not_understood_says_why(tmp_path: Path) -> None:
    with pytest.raises(BadRule, match="florp"):
        planned(tmp_path, Include("dtype:florp"))
    with pytest.raises(BadRule, match=r"unterminated|missing"):
        Rename("(", "x")
    with pytest.raises(BadRule, match="invalid group"):
        Rename("a", r"\3")
    with pytest.raises(BadRule, match="int8"):
        CastTo("int8")
    with pytest.raises(BadRule, match="twice"):
        Template("{a}.{a}", "x")
    with pytest.raises(BadRule, match=r"\{b\}"):
        Template("{a}", "{b}")


def test_a_changed_rule_does_not_do_those_before_it_again(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, STATE)
    applier = Applier(source_of(checkpoint).side)
    first = applier.apply([StripPrefix("module."), AddPrefix("a.")])
    states = list(applier._states)
    second = applier.apply([StripPrefix("module."), AddPrefix("b.")])
    assert applier._states[1] is states[1]
    assert [key and key[0] for key in first.keys] == ["a"] * 5
    assert [key and key[0] for key in second.keys] == ["b"] * 5
    assert tuple(applier.apply([]).keys) == tuple(STATE)


def test_a_rule_that_is_switched_off_and_on_again_is_not_carried_out_again(tmp_path: Path) -> None:
    applier = Applier(source_of(opened(tmp_path, STATE)).side)
    on = (StripPrefix("module."), AddPrefix("a."), Sort())
    off = (on[0], AddPrefix("a.", enabled=False), on[2])
    first, other = applier.apply(on), applier.apply(off)
    assert other.touched[1] == 0
    assert applier.apply(on) is first
    assert applier.apply(off) is other


def test_each_rule_has_the_wrappers_that_it_finds(tmp_path: Path) -> None:
    planner = Planner(source_of(opened(tmp_path, {"module.model.a": torch.ones(1), "module.b": torch.ones(2)})))
    rules = (StripPrefix("module."), CastTo("float16"), StripPrefix("model."), AddPrefix("ema_model."))
    planner.plan(rules, Options())
    told = [[(use.prefix, use.keys) for use in uses] for uses in planner.wrappers()]
    assert told == [[("module.", 2)], [("model.", 1)], [("model.", 1)], [], [("ema_model.", 2)]]


@settings(max_examples=60)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(["a", "b", "x", "[ab]", "dtype:f16"]).map(Include),
            st.sampled_from(["a", "x", "b.w", "-a"]).map(Exclude),
            st.sampled_from(
                [AddPrefix("x."), Sort(), Rename(r"^(\w)", r"\1a"), CastTo("float16", "a"), Sort(enabled=False)]
            ),
        ),
        max_size=6,
    ),
    st.integers(0, 5),
)
def test_plans_made_one_after_the_other_are_those_of_a_new_planner(rules: list[Rule], changed: int) -> None:
    options = Options(target="safetensors")
    switched = [replace(rule, enabled=not rule.enabled) if i == changed else rule for i, rule in enumerate(rules)]
    for wanted in (rules, switched, rules):
        found, fresh = (planner.plan(wanted, options) for planner in (_kept_planner(), _planner()))
        assert list(found.keys) == list(fresh.keys)
        assert list(found.dropped) == list(fresh.dropped)
        assert (found.touched, found.refusals, found.warnings) == (fresh.touched, fresh.refusals, fresh.warnings)
        assert sorted([key.old for key in found.keys] + [item.old for item in found.dropped]) == sorted(_NAMES)
        assert found.nbytes == sum(key.nbytes for key in found.keys)


def test_keys_are_a_sequence_like_any_other(tmp_path: Path) -> None:
    keys = planned(tmp_path, Exclude("steps"), Sort(), CastTo("float16", "layers")).keys
    every = list(keys)
    assert len(keys) == len(every) == 4
    assert [keys[i] for i in range(-4, 4)] == every * 2
    for part in (slice(1, 3), slice(None, None, -1), slice(3, 0, -2), slice(9, 12), slice(-2, None)):
        assert list(keys[part]) == every[part]
    with pytest.raises(IndexError):
        keys[4]
    assert [key.nbytes for key in every] == [12, 12, 12, 6]
    assert every[1][1:6] == ("module.encoder.layers.2.w",) * 2 + ("float32", "float16", (2, 3))


def test_known_wrappers_are_offered_with_their_keys() -> None:
    found = wrappers_in(("module.a", "module.b", "_orig_mod.c", "d"))
    assert [(use.prefix, use.keys) for use in found] == [("module.", 2), ("_orig_mod.", 1)]


@pytest.mark.parametrize(
    "rule",
    [
        Include("a b"),
        Exclude("x", enabled=False),
        StripPrefix("auto"),
        AddPrefix("p."),
        ReplacePrefix("a.", ""),
        Rename("a", ""),
        Template("{a}", "b.{a}"),
        RenameKeys((("a", "b"), ("c", "d"))),
        CastTo("bfloat16", "x"),
        Sort(),
    ],
    ids=lambda rule: rule.kind,
)
def test_every_rule_is_the_same_after_it_was_a_table(rule: Rule) -> None:
    assert from_plain(to_plain(rule)) == rule


@pytest.mark.parametrize(
    "plain",
    [{}, {"rule": "explode"}, {"rule": "cast"}, {"rule": "cast", "dtype": 3}, {"rule": "sort", "x": 1},
     {"rule": "rename_keys", "keys": [["a"]]}, {"rule": "include", "filter": "a", "enabled": "yes"}],
)  # fmt: skip
def test_what_is_no_rule_is_refused(plain: dict[str, object]) -> None:
    with pytest.raises(BadRule):
        from_plain(plain)


def test_the_public_function_takes_a_path_and_knows_targets_by_their_ending(tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "a.pt")
    for target, kind in (
        ("x.pt", "pt"),
        ("x.ckpt", "pt"),
        ("x.safetensors", "safetensors"),
        ("x.npz", "npz"),
        ("x", "sharded"),
    ):
        assert sdviewer.plan(tmp_path / "a.pt", target=target).options.target == kind
