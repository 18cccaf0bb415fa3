"""Tensors are paired by name where that is possible, else with a reason, and never when it could be another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.comparison.matching import By, Matching, Replacement, match
from sdviewer.comparison.relations import Relation, relation_of
from sdviewer.comparison.sides import Side
from sdviewer.control import Control
from sdviewer.errors import Cancelled
from tests.helpers.arrays import checkpoint_of_arrays
from tests.helpers.saved import in_one_folder

Shapes = Mapping[str, tuple[int, ...]]


def side(folder: Path, name: str, shapes: Shapes) -> Side:
    checkpoint = checkpoint_of_arrays(folder / name, {key: np.zeros(shape, np.int8) for key, shape in shapes.items()})
    return Side(checkpoint, None, tuple(shapes), np.arange(len(shapes)))


def matched(folder: Path, a: Shapes, b: Shapes, **options: object) -> Matching:
    return match(side(folder, "a", a), side(folder, "b", b), **options)  # type: ignore[arg-type]  # as `match` takes them


def named(found: Matching) -> dict[str, str]:
    return {found.a.keys[pair.a]: found.b.keys[pair.b] for pair in found.pairs}


def reasons(found: Matching) -> set[str]:
    return {pair.by.word for pair in found.pairs}


NET = {
    "embed.weight": (7, 4),
    "layers.0.attn.q_proj.weight": (4, 4),
    "layers.0.attn.k_proj.weight": (4, 4),
    "layers.0.mlp.up.weight": (8, 4),
    "layers.0.norm.weight": (4,),
    "layers.1.attn.q_proj.weight": (4, 4),
    "layers.1.attn.k_proj.weight": (4, 4),
    "layers.1.mlp.up.weight": (8, 4),
    "layers.1.norm.weight": (4,),
    "head.weight": (7, 4),
}


def test_equal_names_are_pairs_whatever_their_shapes(tmp_path: Path) -> None:
    found = matched(tmp_path, {"a": (2, 3), "b": (1,), "x": (9,)}, {"b": (1,), "a": (3, 2), "y": (8,)})
    assert named(found) == {"a": "a", "b": "b"}
    assert [pair.score for pair in found.pairs] == [1, 1]
    assert [pair.relation for pair in found.pairs] == [Relation.TRANSPOSED, Relation.SAME]
    assert [found.a.keys[place] for place in found.only_a] == ["x"]
    assert [found.b.keys[place] for place in found.only_b] == ["y"]


@pytest.mark.parametrize(
    "wrapped",
    [
        "module.{}",
        "_orig_mod.{}",
        "module._orig_mod.module.{}",
        "model.{}",
        "ema_model.module.{}",
        "base_model.model.{}",
        "_fsdp_wrapped_module.{}",
    ],
)
def test_wrappers_are_seen_through_on_either_side(tmp_path: Path, wrapped: str) -> None:
    other = {wrapped.format(key): shape for key, shape in NET.items()}
    for a, b in ((NET, other), (other, NET)):
        found = matched(tmp_path, a, b)
        assert named(found) == dict(zip(a, b, strict=True))
        assert reasons(found) == {"wrapper"}
        assert all(0.9 < pair.score < 1 for pair in found.pairs)


def test_wrappers_are_seen_through_in_the_middle_of_a_name(tmp_path: Path) -> None:
    def wrap(key: str) -> str:
        return key.replace("layers.0.", "layers.0._checkpoint_wrapped_module.").replace("attn.", "attn._orig_mod.")

    found = matched(tmp_path, NET, {wrap(key): shape for key, shape in NET.items()})
    assert named(found) == {key: wrap(key) for key in NET}


def test_two_that_are_one_without_wrappers_are_left_alone_and_said_to_be_ambiguous(tmp_path: Path) -> None:
    found = matched(tmp_path, {"w": (2,)}, {"module.w": (2,), "_orig_mod.w": (2,)})
    assert not found.pairs
    assert found.ambiguous_a == {0: (0, 1)}
    assert found.ambiguous_b == {0: (0,), 1: (0,)}


def test_an_equal_name_comes_before_one_without_wrappers(tmp_path: Path) -> None:
    found = matched(tmp_path, {"w": (2,), "module.w": (2,)}, {"module.w": (2,), "w": (2,)})
    assert named(found) == {"w": "w", "module.w": "module.w"}
    assert reasons(found) == {"name"}


def test_another_prefix_is_found_by_the_ends_of_the_names(tmp_path: Path) -> None:
    found = matched(tmp_path, NET, {f"transformer.net.{key}": shape for key, shape in NET.items()})
    assert named(found) == {key: f"transformer.net.{key}" for key in NET}
    assert reasons(found) == {"ending"}


def test_other_words_in_the_middle_are_found_by_likeness(tmp_path: Path) -> None:
    def rename(key: str) -> str:
        return key.replace("layers.", "blocks.").replace("q_proj.weight", "query_proj.w").replace("norm.", "ln.")

    found = matched(tmp_path, NET, {rename(key): shape for key, shape in NET.items()})
    assert named(found) == {key: rename(key) for key in NET}


def test_layers_are_never_exchanged(tmp_path: Path) -> None:
    shifted = {key.replace("layers.0.", "layers.5.").replace("layers.1.", "layers.6."): s for key, s in NET.items()}
    found = named(matched(tmp_path, NET, shifted))
    assert found == {"embed.weight": "embed.weight", "head.weight": "head.weight"}


def test_two_models_that_have_nothing_to_do_with_each_other_have_no_pairs(tmp_path: Path) -> None:
    other = {"stem.conv.kernel": (64, 3, 7, 7), "stage.0.gamma": (64,), "classifier.kernel": (10, 64)}
    assert not matched(tmp_path, NET, other).pairs


def test_tensors_are_known_by_their_bytes_whatever_they_are_called(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    values = {f"a{i}": random.standard_normal((40, 300)) for i in range(5)}
    # Alike at the beginning alone, twice the same, and a constant.
    values["a5"] = values["a0"].copy()
    values["a5"][-1, -1] = 7
    values["twin"], values["zeros"] = values["a1"], np.zeros((40, 300))
    a = checkpoint_of_arrays(tmp_path / "a", values)
    other = {f"tensor {hash(key) % 97} of {key[::-1]}": value for key, value in reversed(values.items())}
    b = checkpoint_of_arrays(tmp_path / "b", other)
    sides = [Side(c, None, tuple(names), np.arange(len(names))) for c, names in ((a, values), (b, other))]
    found = match(*sides)
    by_content = {sides[0].keys[p.a]: sides[1].keys[p.b] for p in found.pairs if p.by is By.CONTENT}
    true = dict(zip(values, reversed(other), strict=True))
    assert by_content == {key: true[key] for key in ("a0", "a2", "a3", "a4", "a5")}
    assert not [p for p in match(*sides, read=False).pairs if p.by is By.CONTENT]


def test_the_users_own_replacement_comes_first(tmp_path: Path) -> None:
    rule = Replacement.parse(r"^layers\.(\d+)\.=>h_\1.")
    other = {key.replace("layers.0.", "h_0.").replace("layers.1.", "h_1."): shape for key, shape in NET.items()}
    found = matched(tmp_path, NET, other, maps=[rule], guess=False)
    assert set(named(found)) == set(NET)
    assert {pair.by for pair in found.pairs} == {By.MAP, By.NAME}


@pytest.mark.parametrize("text", ["no arrow", "(=>x", r"a=>\2", r"(?P<n>a)=>\g<m>"])
def test_a_malformed_replacement_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(ValueError, match=r".+") as caught:
        Replacement.parse(text)
    assert text in str(caught.value)


def test_pairs_made_and_undone_by_hand_hold(tmp_path: Path) -> None:
    a, b = {"w": (2,), "v": (2,)}, {"w": (2,), "u": (2,)}
    by_hand = matched(tmp_path, a, b, by_hand=[("w", "u")])
    assert named(by_hand)["w"] == "u"
    assert by_hand.pairs[0].by is By.HAND
    vetoed = matched(tmp_path, a, b, vetoed=[("w", "w")])
    assert named(vetoed).get("w") != "w"


def test_q_k_and_v_are_rows_of_a_fused_tensor(tmp_path: Path) -> None:
    apart = {"attn.q_proj.weight": (8, 4), "attn.k_proj.weight": (2, 4), "attn.v_proj.weight": (2, 4)}
    for a, b, in_a in ((apart, {"attn.qkv.weight": (12, 4)}, True), ({"attn.qkv.weight": (12, 4)}, apart, False)):
        found = matched(tmp_path, a, b)
        parts = {(found.a if in_a else found.b).keys[pair.a if in_a else pair.b]: pair.part for pair in found.pairs}
        assert parts == {
            "attn.q_proj.weight": (0, 8),
            "attn.k_proj.weight": (8, 2),
            "attn.v_proj.weight": (10, 2),
        }
        assert not found.only_a
        assert not found.only_b


def test_projections_whose_rows_do_not_add_up_are_not_fused(tmp_path: Path) -> None:
    apart = {"attn.q_proj.weight": (8, 4), "attn.k_proj.weight": (2, 4), "attn.v_proj.weight": (2, 4)}
    assert "fused" not in reasons(matched(tmp_path, apart, {"attn.qkv.weight": (13, 4)}))


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((2, 3), (2, 3), Relation.SAME),
        ((2, 3), (3, 2), Relation.TRANSPOSED),
        ((2, 1, 3), (2, 3), Relation.SQUEEZED),
        ((1,), (), Relation.SQUEEZED),
        ((2, 3, 4), (4, 2, 3), Relation.PERMUTED),
        ((2, 6), (3, 4), Relation.RESHAPED),
        ((32000, 8), (32007, 8), Relation.ROWS),
        ((5,), (7,), Relation.ROWS),
        ((2, 3), (4, 5), Relation.OTHER),
        ((0, 3), (0, 4), Relation.OTHER),
    ],
)
def test_relations_of_shapes(a: tuple[int, ...], b: tuple[int, ...], expected: Relation) -> None:
    assert relation_of(a, b) is expected
    assert relation_of(b, a) is expected


WORDS = ["layers", "blocks", "attn", "mlp", "q", "k", "fc1", "fc2", "norm", "model", "module", "weight", "bias"]
KEYS = st.lists(st.sampled_from(WORDS) | st.integers(0, 3).map(str), min_size=1, max_size=5).map(".".join)
SHAPES = st.sampled_from([(2,), (3,), (2, 3), (3, 2), (4, 4)])
RENAMES = st.dictionaries(st.sampled_from(WORDS), st.sampled_from([*WORDS, "h", "dense", "ln"]), max_size=3)


@in_one_folder(150)
@given(
    st.dictionaries(KEYS, SHAPES, min_size=1, max_size=20), RENAMES, st.sampled_from(["", "module.", "net.", "a.b."])
)
def test_a_renamed_tree_is_found_again_or_no_pair_claims_to_be_sure(
    tmp_path: Path, shapes: dict[str, tuple[int, ...]], words: dict[str, str], prefix: str
) -> None:
    def rename(key: str) -> str:
        return prefix + ".".join(words.get(part, part) for part in key.split("."))

    true = {key: rename(key) for key in shapes}
    if len(set(true.values())) < len(true):
        return
    found = matched(tmp_path, shapes, {new: shapes[key] for key, new in true.items()})
    for pair in found.pairs:
        old, new = found.a.keys[pair.a], found.b.keys[pair.b]
        # A pair of equal names is what it says, even where this rename exchanged names.
        assert pair.by is not By.NAME or old == new
        if pair.by not in (By.NAME, By.WRAPPER) and true[old] != new:
            assert pair.score < 1
    assert sorted([pair.a for pair in found.pairs] + list(found.only_a)) == list(range(len(shapes)))
    assert sorted([pair.b for pair in found.pairs] + list(found.only_b)) == list(range(len(shapes)))


def test_matching_stops_on_request(tmp_path: Path) -> None:
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        matched(tmp_path, NET, NET, control=control)
