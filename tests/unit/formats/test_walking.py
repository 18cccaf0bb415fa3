"""The walk names every tensor by its path, whatever the keys, and ends whatever the nesting."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.names import encode_path
from sdviewer.checkpoint.structure import Node
from sdviewer.formats import walking
from sdviewer.formats.opening import open_checkpoint
from tests.helpers import opcodes as op
from tests.helpers.shown_values import Alias, shown
from tests.helpers.torch_archives import edited, entries_of
from tests.helpers.torch_oracle import loaded, reopened, saved

Path_ = tuple[Any, ...]


def tensors_by_path(value: Any) -> dict[Path_, torch.Tensor]:
    """Every tensor of nested containers under the keys and indices that lead to it."""
    found: dict[Path_, torch.Tensor] = {}

    def visit(inner: Any, path: Path_) -> None:
        if isinstance(inner, torch.Tensor):
            found[path] = inner
        elif isinstance(inner, dict):
            for key, part in inner.items():
                visit(part, (*path, key))
        elif isinstance(inner, list | tuple):
            for index, part in enumerate(inner):
                visit(part, (*path, index))

    visit(value, ())
    return found


def assert_paths_are_kept(checkpoint: Checkpoint, value: Any) -> None:
    """Path by path the tensors of `value`, types of keys included, and names as the contract spells them."""
    expected = tensors_by_path(value)
    refs = list(checkpoint.tensors.values())
    paths = [ref.path for ref in refs]
    assert [(path, *map(type, path)) for path in paths] == [(path, *map(type, path)) for path in expected]
    is_bare = all(len(path) == 1 and isinstance(path[0], str) for path in expected)
    for ref, (path, tensor) in zip(refs, expected.items(), strict=True):
        assert ref.name == (path[0] if is_bare else encode_path(path))
        assert checkpoint.tensors[ref.name].row == ref.row
        np.testing.assert_array_equal(ref.numpy(), tensor.numpy())


ODD_KEYS: dict[str, Any] = {
    "dots": ".a..b.",
    "slash": "a/b",
    "tilde": "~1~0~",
    "empty": "",
    "bracket": "[0]",
    "encoded bracket": "~2[0]",
    "int": 0,
    "negative": -5,
    "long int": 2**80,
    "float": 1.5,
    "infinity": float("-inf"),
    "bool": True,
    "none": None,
    "bytes": b"\xff/~",
    "tuple": (1, "a/b", None),
    "empty tuple": (),
    "unicode": "naïve λ 🦀",
    "right to left": "שלום\u202e",
    "newline": "a\nb\r\0\x1b[31m",
    "surrogate": "\ud800x",
    "long": "k/~" * 1000,
    "long surrogate": "\udfff" * 2000,
    "number as text": "1",
    "none as text": "None",
}


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("name", ODD_KEYS)
def test_odd_keys_are_paths_at_the_root_and_below(tmp_path: Path, name: str, *, legacy: bool) -> None:
    key = ODD_KEYS[name]
    bare = {"first": torch.zeros(1), key: torch.ones(2)}
    assert_paths_are_kept(reopened(tmp_path / "m.pt", bare, legacy=legacy), bare)
    nested = {"outer": {key: {"w": torch.ones(2)}, "w": torch.zeros(1)}, key: [torch.zeros(3), (torch.ones(1),)]}
    assert_paths_are_kept(reopened(tmp_path / "m.pt", nested, legacy=legacy), nested)


def test_all_odd_keys_together_stay_apart(tmp_path: Path) -> None:
    value = {key: torch.full((1,), float(i)) for i, key in enumerate(ODD_KEYS.values())}
    checkpoint = reopened(tmp_path / "m.pt", value)
    assert_paths_are_kept(checkpoint, value)
    assert checkpoint.problems == ()
    assert checkpoint.duplicates == ()


KEYS = st.one_of(
    st.text(max_size=6),
    st.text(st.sampled_from("~/[]01.2\ud800'\"\\"), max_size=5),
    st.integers(-3, 3),
    st.none(),
    st.floats(allow_nan=False),
    st.binary(max_size=3),
    st.tuples(st.integers(0, 2), st.text(max_size=2)),
)
NESTED = st.recursive(
    st.integers(0, 3).map(lambda n: torch.full((n,), float(n))),
    lambda inner: st.dictionaries(KEYS, inner, min_size=1, max_size=4) | st.lists(inner, min_size=1, max_size=3),
    max_leaves=10,
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.dictionaries(KEYS, NESTED, min_size=1, max_size=4))
def test_any_keys_nested_in_any_way_are_paths(tmp_path: Path, value: dict[Any, Any]) -> None:
    assert_paths_are_kept(reopened(tmp_path / "m.pt", value), value)


def test_one_other_entry_decides_that_names_are_escaped(tmp_path: Path) -> None:
    bare = {"a/b": torch.zeros(1), "n": 3, "text": "x"}
    checkpoint = reopened(tmp_path / "m.pt", bare)
    assert list(checkpoint.tensors) == ["a/b"]
    checkpoint = reopened(tmp_path / "m.pt", {**bare, "more": {"w": torch.zeros(1)}})
    assert list(checkpoint.tensors) == ["a~1b", "more/w"]


# -- duplicates ---------------------------------------------------------------------------------


def test_the_last_of_two_entries_counts_where_the_first_stood(tmp_path: Path) -> None:
    entries = [("w", 1), ("x", 2), ("w", 3), ("w", 4), ("y", 5)]
    content = op.dict_of(*(part for key, n in entries for part in (op.text(key), op.number(n))))
    path = tmp_path / "m.pkl"
    path.write_bytes(b"\x80\x02" + content + b".")
    checkpoint = open_checkpoint(path)
    assert list(shown(checkpoint).items()) == list(dict(entries).items())
    assert [duplicate.name for duplicate in checkpoint.duplicates] == ["w", "w"]
    assert [problem.kind for problem in checkpoint.problems] == ["duplicate"]


def test_a_repeated_tensor_key_lists_what_torch_loads(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.pt", {"a": torch.zeros(1), "b": torch.ones(1)})
    data = dict(entries_of(path))["m/data.pkl"]
    edited(path, {"data.pkl": data.replace(b"X\1\0\0\0b", b"X\1\0\0\0a")})
    checkpoint = open_checkpoint(path)
    assert {name: ref.numpy().tolist() for name, ref in checkpoint.tensors.items()} == {"a": [1.0]}
    assert torch.load(path)["a"].tolist() == [1.0]
    assert len(checkpoint.duplicates) == 1


# -- sharing, cycles, depth -----------------------------------------------------------------------


def test_one_tensor_in_several_places_is_listed_in_each(tmp_path: Path) -> None:
    tied = torch.arange(3.0)
    value = {"a": tied, "b": {"c": [tied, tied]}}
    checkpoint = reopened(tmp_path / "m.pt", value)
    assert_paths_are_kept(checkpoint, value)
    assert checkpoint.tensors["a"].shared_with == ("b/c/[0]", "b/c/[1]")


def test_one_container_in_two_places_is_walked_once(tmp_path: Path) -> None:
    inner = {"w": torch.zeros(1)}
    checkpoint = reopened(tmp_path / "m.pt", {"a": inner, "b": inner, "c": [inner]})
    assert list(checkpoint.tensors) == ["a/w"]
    found = shown(checkpoint)
    assert isinstance(found["b"], Alias)
    assert checkpoint.description.structure.part[found["b"].node] == "a"
    assert found["c"] == [found["b"]]


def test_containers_that_hold_themselves_end(tmp_path: Path) -> None:
    outer: dict[str, Any] = {"w": torch.zeros(1)}
    outer["self"] = outer
    outer["list"] = [outer]
    outer["list"].append(outer["list"])
    checkpoint = reopened(tmp_path / "m.pt", outer)
    assert list(checkpoint.tensors) == ["w"]
    kinds = checkpoint.description.structure.kind.tolist()
    assert kinds.count(Node.ALIAS) == 3


def nested_pickle(depth: int, one: bytes, end: bytes) -> bytes:
    """A pickle of containers `depth` deep around the text "x", without recursion."""
    return b"\x80\x02" + one * depth + op.text("x") + end * depth + b"."


@pytest.mark.parametrize(
    ("one", "end"), [(b"](", b"e"), (b"}(" + op.text("k"), b"u"), (b"(", b"t")], ids=["lists", "dicts", "tuples"]
)
def test_depth_is_shown_as_far_as_is_sane_and_the_rest_counted(tmp_path: Path, one: bytes, end: bytes) -> None:
    path = tmp_path / "m.pkl"
    path.write_bytes(nested_pickle(200, one, end))
    assert open_checkpoint(path).problems == ()
    path.write_bytes(nested_pickle(100_000, one, end))
    checkpoint = open_checkpoint(path)
    assert [problem.kind for problem in checkpoint.problems] == ["partial"]
    assert len(checkpoint.description.structure) <= walking._DEEPEST + 2


def test_a_tensor_two_hundred_deep_has_its_whole_path(tmp_path: Path) -> None:
    value: Any = torch.ones(1)
    for depth in range(200):
        value = {f"level{depth}": value}
    assert_paths_are_kept(reopened(tmp_path / "m.pt", value), value)


# -- the structure beside the tensors ----------------------------------------------------------------


def test_the_structure_is_preorder_with_right_ends(tmp_path: Path) -> None:
    value = {"a": {"b": [torch.zeros(1), {"c": 1}], "d": {}}, "e": [], "f": (), "g": torch.zeros(1)}
    structure = reopened(tmp_path / "m.pt", value).description.structure
    for node in range(1, len(structure)):
        parent = int(structure.parent[node])
        assert parent < node < structure.end[node] <= structure.end[parent]
        assert node in structure.children(parent)
    assert structure.end[0] == len(structure)


def test_rows_of_numbers_are_one_value_and_rows_with_containers_are_not(tmp_path: Path) -> None:
    checkpoint = reopened(tmp_path / "m.pt", {"row": [1, 2.5, "x", None, True], "mixed": [1, [2]], "none": []})
    structure = checkpoint.description.structure
    kinds = {structure.part[node]: Node(int(structure.kind[node])) for node in structure.children(0)}
    assert kinds == {"row": Node.SCALAR, "mixed": Node.SEQUENCE, "none": Node.SCALAR}
    assert shown(checkpoint) == {"row": [1, 2.5, "x", None, True], "mixed": [1, [2]], "none": []}


def test_an_optimizer_is_shown_with_its_numbered_states(tmp_path: Path) -> None:
    model = torch.nn.Linear(2, 3)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    path = saved(tmp_path / "m.pt", {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 4})
    checkpoint = open_checkpoint(path)
    assert_paths_are_kept(checkpoint, loaded(path))
    assert checkpoint.tensors["optimizer/state/[0]/exp_avg"].path == ("optimizer", "state", 0, "exp_avg")
    assert shown(checkpoint)["epoch"] == 4


def test_metadata_of_nested_state_dicts_belongs_to_its_own_node(tmp_path: Path) -> None:
    one: Any = torch.nn.BatchNorm1d(2).state_dict()
    two: Any = torch.nn.Sequential(torch.nn.Linear(1, 1)).state_dict()
    checkpoint = reopened(tmp_path / "m.pt", {"one": one, "deep": {"two": two}})
    structure = checkpoint.description.structure
    versions = [(structure.part[v.node], v.prefix, v.version) for v in checkpoint.description.module_versions]
    expected = [("one", prefix, facts["version"]) for prefix, facts in one._metadata.items()]
    expected += [("two", prefix, facts["version"]) for prefix, facts in two._metadata.items()]
    assert versions == expected


def test_metadata_that_is_none_of_torchs_is_ignored(tmp_path: Path) -> None:
    state: Any = OrderedDict(w=torch.zeros(1))
    state._metadata = {"": {"version": "two"}, 5: {"version": 1}, "x": [1]}
    checkpoint = reopened(tmp_path / "m.pt", state)
    assert [(v.prefix, v.version) for v in checkpoint.description.module_versions] == [("", None), ("x", None)]
    assert list(checkpoint.tensors) == ["w"]
