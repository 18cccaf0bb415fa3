"""What is written is what plain torch would have made of the same state_dict, byte for byte, or nothing at all."""

from __future__ import annotations

import json
import os
import stat
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

import sdviewer
from sdviewer.control import Control
from sdviewer.edit import writing
from sdviewer.edit.exporting import plan
from sdviewer.edit.rules import AddPrefix, CastTo, Exclude, Include, Rename, Rule, Sort, StripPrefix
from sdviewer.edit.writing import Refused, write
from sdviewer.errors import Cancelled, CannotWrite, SourceChanged
from tests.helpers.saved import in_one_folder

FLOATS = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2)
OTHERS = (
    torch.int64,
    torch.int8,
    torch.uint8,
    torch.bool,
    torch.complex64,
    torch.uint16,
    torch.uint64,
    torch.float8_e4m3fnuz,
    torch.float8_e8m0fnu,
)


def saved(path: Path, value: object, **options: bool) -> Path:
    torch.save(value, path, **options)
    return path


def random(dtype: torch.dtype, shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    """Any bit patterns of a dtype, NaN and infinities among them."""
    count = int(np.prod(shape)) * dtype.itemsize
    raw = torch.from_numpy(np.random.default_rng(seed).integers(0, 256, count, np.uint8))
    if dtype is torch.bool:
        raw &= 1
    return raw.view(dtype).reshape(shape) if count else torch.zeros(shape, dtype=dtype)


def assert_same(found: torch.Tensor, expected: torch.Tensor) -> None:
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert found.contiguous().reshape(-1).view(torch.uint8).equal(expected.contiguous().reshape(-1).view(torch.uint8))


def loaded(path: Path) -> list[Any]:
    """As torch reads it, mapped and not."""
    assert zipfile.ZipFile(path).testzip() is None
    return [torch.load(path, weights_only=True, mmap=mapped) for mapped in (False, True)]


@pytest.mark.parametrize("dtype", [*FLOATS, *OTHERS], ids=str)
def test_every_dtype_and_view_comes_through_as_it_is(tmp_path: Path, dtype: torch.dtype) -> None:
    base = random(dtype, (6, 8))
    state = {
        "whole": base,
        "turned": base.T,
        "row": base[2],
        "column": base[:, 3],
        "gaps": random(dtype, (50,), 1)[::7],
        "part": random(dtype, (40,), 2)[10:20],
        "empty": random(dtype, (0, 3)),
        "one": random(dtype, (), 3),
        "expanded": random(dtype, (1, 3), 4).expand(5, 3),
    }
    source = saved(tmp_path / "a.pt", state)
    plan(source, AddPrefix("x.")).write(tmp_path / "b.pt")
    for result in loaded(tmp_path / "b.pt"):
        assert list(result) == [f"x.{key}" for key in state]
        for key, value in state.items():
            assert_same(result[f"x.{key}"], value)
            assert result[f"x.{key}"].stride() == value.stride() or key == "gaps"


def test_ties_stay_ties_and_only_what_is_used_of_a_storage_is_written(tmp_path: Path) -> None:
    base = torch.randn(1000, 100)
    state = {"a": base[10:20], "b": base[12], "tied": base[10:20], "alone": torch.randn(5)}
    plan(saved(tmp_path / "a.pt", state)).write(tmp_path / "b.pt")
    for result in loaded(tmp_path / "b.pt"):
        storages = {key: value.untyped_storage().data_ptr() for key, value in result.items()}
        assert storages["a"] == storages["b"] == storages["tied"] != storages["alone"]
        for key, value in state.items():
            assert_same(result[key], value)
    assert (tmp_path / "b.pt").stat().st_size < 10_000


def test_versions_gradients_and_parameters_are_kept(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    state = nn.DataParallel(model).state_dict()
    plan(saved(tmp_path / "a.pt", state), StripPrefix("auto")).write(tmp_path / "b.pt")
    for result in loaded(tmp_path / "b.pt"):
        assert isinstance(result, OrderedDict)
        assert vars(result)["_metadata"] == vars(model.state_dict())["_metadata"]
        model.load_state_dict(result, strict=True)
    kept = {"p": nn.Parameter(torch.ones(2)), "q": torch.ones(2, requires_grad=True), "r": torch.ones(2)}
    plan(saved(tmp_path / "c.pt", kept)).write(tmp_path / "d.pt")
    for result in loaded(tmp_path / "d.pt"):
        assert [type(value) for value in result.values()] == [nn.Parameter, torch.Tensor, torch.Tensor]
        assert [value.requires_grad for value in result.values()] == [True, True, False]


def test_a_whole_training_checkpoint_keeps_all_that_is_beside_the_model(tmp_path: Path) -> None:
    model = nn.Linear(3, 2)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.randn(4, 3)).sum().backward()
    optimizer.step()
    value = {
        "model": nn.DataParallel(model).state_dict(),
        "optimizer": optimizer.state_dict(),
        "epoch": 7,
        "history": [0.5, 0.25],
        "note": "ünï",
        "best": (1, None, True),
    }
    source = saved(tmp_path / "a.pt", value)
    plan(source, StripPrefix("auto")).write(tmp_path / "b.pt")
    for result in loaded(tmp_path / "b.pt"):
        assert list(result) == list(value)
        assert {key: result[key] for key in ("epoch", "history", "note", "best")} == {
            key: value[key] for key in ("epoch", "history", "note", "best")
        }
        model.load_state_dict(result["model"], strict=True)
        optimizer.load_state_dict(result["optimizer"])
    bare = plan(source, StripPrefix("auto"), unwrap=True, drop=["optimizer"])
    bare.write(tmp_path / "c.pt")
    assert list(loaded(tmp_path / "c.pt")[0]) == ["weight", "bias"]
    plan(source, section="model", wrap="state_dict").write(tmp_path / "d.pt")
    assert list(loaded(tmp_path / "d.pt")[0]) == ["state_dict"]


@pytest.mark.parametrize("before", FLOATS, ids=str)
@pytest.mark.parametrize("after", ["float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_every_cast_is_torchs_own(tmp_path: Path, before: torch.dtype, after: str) -> None:
    values = torch.cat([random(before, (3000,)), torch.randn(500).to(before), torch.zeros(3, dtype=before)])
    # What a NaN keeps of its payload is not defined; that it stays one is.
    state = {"w": values, "turned": values[:3500].reshape(50, 70).T, "steps": torch.arange(3)}
    plan(saved(tmp_path / "a.pt", state), CastTo(after)).write(tmp_path / "b.pt")
    dtype = getattr(torch, after)
    for result in loaded(tmp_path / "b.pt"):
        assert result["steps"].dtype == torch.int64
        for key in ("w", "turned"):
            expected = state[key].to(dtype)
            assert result[key].dtype == dtype
            nan = expected.float().isnan()
            assert result[key].float().isnan().equal(nan)
            assert_same(result[key].float()[~nan], expected.float()[~nan])


RULES: dict[str, tuple[Rule, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "prefix": (AddPrefix("m."), lambda s: {f"m.{k}": v for k, v in s.items()}),
    "rename": (Rename(r"^(\w)\.", r"\1\1."), lambda s: {k[0] + k if k[1:2] == "." else k: v for k, v in s.items()}),
    "include": (Include("*w*"), lambda s: {k: v for k, v in s.items() if "w" in k}),
    "exclude": (Exclude("a.*"), lambda s: {k: v for k, v in s.items() if not k.startswith("a.")}),
    "cast": (CastTo("bfloat16"), lambda s: {k: v.bfloat16() if v.is_floating_point() else v for k, v in s.items()}),
    "sort": (Sort(), lambda s: dict(sorted(s.items()))),
}
KEYS = st.lists(st.sampled_from(["a", "b", "w", "bias", "x1"]), min_size=1, max_size=3).map(".".join)
TENSORS = st.tuples(
    st.sampled_from([torch.float32, torch.float16, torch.int32, torch.bool]),
    st.sampled_from([(), (3,), (2, 5), (0,), (4, 3)]),
    st.integers(0, 9),
)


@in_one_folder(60)
@given(st.dictionaries(KEYS, TENSORS, min_size=1, max_size=8), st.lists(st.sampled_from(sorted(RULES)), max_size=4))
def test_any_rules_do_what_plain_python_does(
    tmp_path: Path, described: dict[str, tuple[torch.dtype, tuple[int, ...], int]], chosen: list[str]
) -> None:
    state: dict[str, Any] = {
        key: torch.randn(shape, generator=torch.Generator().manual_seed(seed)).mul(3).to(dtype)
        for key, (dtype, shape, seed) in described.items()
    }
    source = saved(tmp_path / "a.pt", state)
    made = plan(source, *(RULES[name][0] for name in chosen))
    expected = state
    for name in chosen:
        expected = RULES[name][1](expected)
    told = {key.old for key in made.keys} | {item.old for item in made.dropped}
    assert told == set(state)
    if made.refusals:
        assert {item.kind for item in made.refusals} <= {"empty", "collision"}
        assert ("empty" in {item.kind for item in made.refusals}) == (not expected)
        with pytest.raises(Refused):
            made.write(tmp_path / "b.pt", overwrite=True)
        return
    made.write(tmp_path / "b.pt", overwrite=True)
    found = torch.load(tmp_path / "b.pt", weights_only=True)
    assert list(found) == list(expected)
    for key, value in expected.items():
        assert_same(found[key], value)


def test_a_rename_and_its_inverse_give_the_original(tmp_path: Path) -> None:
    state = {f"layers.{i}.w": random(torch.float32, (4, 4), i) for i in range(5)}
    source = saved(tmp_path / "a.pt", state)
    plan(source, Rename(r"^layers\.", "h.")).write(tmp_path / "b.pt")
    plan(tmp_path / "b.pt", Rename(r"^h\.", "layers.")).write(tmp_path / "c.pt")
    found = sdviewer.compare(source, tmp_path / "c.pt")
    assert found.summary["identical"] == 5
    assert not found.fails("changed")


@pytest.mark.parametrize("dtype", [*FLOATS, torch.int64, torch.bool, torch.uint8, torch.uint16], ids=str)
def test_safetensors_hold_every_dtype_where_the_library_finds_it(tmp_path: Path, dtype: torch.dtype) -> None:
    base = random(dtype, (6, 8))
    state = {"odd": random(torch.uint8, (3,)), "whole": base, "turned": base.T, "tied": base, "one": random(dtype, ())}
    plan(saved(tmp_path / "a.pt", state), target="safetensors", metadata={"format": "pt", "who": "me"}).write(
        tmp_path / "b.safetensors"
    )
    found = load_file(tmp_path / "b.safetensors")
    assert set(found) == set(state)
    for key, value in state.items():
        assert_same(found[key], value)
    with safe_open(tmp_path / "b.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt", "who": "me"}


def test_the_header_of_the_source_is_kept_and_can_be_changed(tmp_path: Path) -> None:
    save_file({"w": torch.ones(2)}, tmp_path / "a.safetensors", {"format": "pt", "who": "me", "a/b": "~x"})
    plan(tmp_path / "a.safetensors", target="safetensors").write(tmp_path / "b.safetensors")
    changes = {"who": "", "new": "1"}
    plan(tmp_path / "a.safetensors", target="safetensors", metadata=changes).write(tmp_path / "c.safetensors")
    found = []
    for name in ("b.safetensors", "c.safetensors"):
        with safe_open(tmp_path / name, "pt") as file:
            found.append(file.metadata())
    assert found[0] == {"format": "pt", "who": "me", "a/b": "~x"}
    assert found[1] == {"format": "pt", "a/b": "~x", "new": "1"}


def test_ties_are_written_once_and_noted_if_that_is_asked_for(tmp_path: Path) -> None:
    base = torch.randn(6, 8)
    source = saved(tmp_path / "a.pt", {"a": base, "b": base, "c": torch.ones(1)})
    plan(source, target="safetensors", ties="once").write(tmp_path / "b.safetensors")
    assert set(load_file(tmp_path / "b.safetensors")) == {"a", "c"}
    with safe_open(tmp_path / "b.safetensors", "pt") as file:
        assert json.loads(file.metadata()["sdviewer.ties"]) == {"b": "a"}


def test_shards_have_an_index_and_no_more_than_their_size(tmp_path: Path) -> None:
    state = {f"layers.{i}.w": random(torch.float32, (10, 10), i) for i in range(9)}
    plan(saved(tmp_path / "a.pt", state), target="sharded", shard_bytes=1000).write(tmp_path / "out")
    index = json.loads((tmp_path / "out" / "model.safetensors.index.json").read_text())
    assert index["metadata"]["total_size"] == 9 * 400
    assert set(index["weight_map"]) == set(state)
    assert sorted(set(index["weight_map"].values())) == [f"model-{i:05}-of-00005.safetensors" for i in range(1, 6)]
    for key, name in index["weight_map"].items():
        assert_same(load_file(tmp_path / "out" / name)[key], state[key])
    assert list(sdviewer.open(tmp_path / "out").tensors) == list(state)


@pytest.mark.parametrize(("name", "bits", "count"), [("F6_E2M3", 6, 8), ("F6_E3M2", 6, 20), ("F4", 4, 10)])
def test_values_that_share_bytes_are_written_as_they_are(tmp_path: Path, name: str, bits: int, count: int) -> None:
    raw = np.random.default_rng(0).integers(0, 256, count * bits // 8, np.uint8).tobytes()
    (tmp_path / "a.safetensors").write_bytes(_by_hand({"w": (name, count, raw), "v": ("U8", 3, b"abc")}))
    plan(tmp_path / "a.safetensors", AddPrefix("x."), target="safetensors").write(tmp_path / "b.safetensors")
    found = (tmp_path / "b.safetensors").read_bytes()
    length = int.from_bytes(found[:8], "little")
    header = json.loads(found[8 : 8 + length])
    first, last = header["x.w"]["data_offsets"]
    assert (header["x.w"]["dtype"], header["x.w"]["shape"]) == (name, [count])
    assert found[8 + length :][first:last] == raw


def _by_hand(entries: dict[str, tuple[str, int, bytes]]) -> bytes:
    header, data = {}, b""
    for key, (dtype, count, raw) in entries.items():
        header[key] = {"dtype": dtype, "shape": [count], "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def test_npz_is_read_by_numpy(tmp_path: Path) -> None:
    state = {
        "a.b": random(torch.float64, (3, 4)).nan_to_num(),
        "f": torch.arange(6).reshape(2, 3).T,
        "s": torch.tensor(5),
    }
    plan(saved(tmp_path / "a.pt", state), target="npz").write(tmp_path / "b.npz")
    with np.load(tmp_path / "b.npz") as found:
        assert set(found) == set(state)
        for key, value in state.items():
            np.testing.assert_array_equal(found[key], value.numpy())


@pytest.mark.parametrize(
    "source",
    [
        lambda folder, state: saved(folder / "a.pt", state, _use_new_zipfile_serialization=False),
        lambda folder, state: _safetensors(folder / "a.safetensors", state),
    ],
)
def test_other_formats_are_converted(tmp_path: Path, source: Callable[[Path, dict[str, Any]], Path]) -> None:
    state = {"a.w": random(torch.float32, (5, 4)), "a.h": random(torch.bfloat16, (3,)), "n": torch.tensor(3)}
    plan(source(tmp_path, state)).write(tmp_path / "b.pt")
    for result in loaded(tmp_path / "b.pt"):
        for key, value in state.items():
            assert_same(result[key], value)


def _safetensors(path: Path, state: dict[str, Any]) -> Path:
    save_file(state, path)
    return path


# -- what goes wrong -----------------------------------------------------------------------------


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return saved(tmp_path / "a.pt", {"w": torch.ones(300_000), "v": torch.zeros(10)})


def left_over(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def test_a_file_that_is_there_stays_unless_it_may_be_replaced(tmp_path: Path, source: Path) -> None:
    target = tmp_path / "b.pt"
    target.write_bytes(b"precious")
    with pytest.raises(CannotWrite, match="exists already"):
        plan(source).write(target)
    assert target.read_bytes() == b"precious"
    plan(source).write(target, overwrite=True)
    assert torch.load(target, weights_only=True)["w"].sum() == 300_000
    assert left_over(tmp_path) == []


def test_the_source_is_replaced_only_if_that_is_said_apart(tmp_path: Path, source: Path) -> None:
    before = source.read_bytes()
    with pytest.raises(CannotWrite, match="the checkpoint itself"):
        plan(source).write(source, overwrite=True)
    assert source.read_bytes() == before
    write(plan(source, AddPrefix("x.")), source, overwrite=True, replace_source=True)
    assert list(torch.load(source, weights_only=True)) == ["x.w", "x.v"]
    assert left_over(tmp_path) == []


@pytest.mark.parametrize("target", ["b.pt", "b.safetensors", "b.npz", "folder"])
def test_a_cancelled_export_leaves_nothing(tmp_path: Path, source: Path, target: str) -> None:
    control = Control()

    def stop(done: int, _total: int, _note: str) -> None:
        if done > 0:
            control.cancel()

    control = Control(stop)
    with pytest.raises(Cancelled):
        plan(source, target=tmp_path / target).write(tmp_path / target, control=control)
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]


def test_a_source_that_changes_meanwhile_is_told_and_nothing_is_written(tmp_path: Path, source: Path) -> None:
    made = plan(source)
    source.write_bytes(source.read_bytes()[:1000])
    with pytest.raises((SourceChanged, sdviewer.MissingBytes)):
        made.write(tmp_path / "b.pt")
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]


@pytest.mark.parametrize("rules", [[], [CastTo("bfloat16")]], ids=["copied", "converted"])
def test_what_is_not_what_it_should_be_does_not_take_the_name(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch, rules: list[Rule]
) -> None:
    fill = writing._fill

    def spoil(*arguments: Any) -> None:
        fill(*arguments)
        file = arguments[2]
        file.seek(file.tell() // 2)
        file.write(b"\1\2\3")
        file.seek(0, os.SEEK_END)

    monkeypatch.setattr(writing, "_fill", spoil)
    with pytest.raises(CannotWrite, match="'w'"):
        plan(source, *rules).write(tmp_path / "b.pt")
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]


@pytest.mark.parametrize("shape", [(5000, 1000), (1000, 5000)], ids=["one", "turned"])
@pytest.mark.parametrize(
    ("before", "after"), [("float32", "bfloat16"), ("bfloat16", "float32"), ("float32", "float16")]
)
def test_large_tensors_are_converted_by_blocks_and_every_byte_of_them_is_compared(
    tmp_path: Path, shape: tuple[int, int], before: str, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = torch.randn(5000, 1000).to(getattr(torch, before))
    state = {"few": torch.ones(3), "w": values if shape == values.shape else values.T, "v": torch.ones(70_000)}
    made = plan(saved(tmp_path / "a.pt", state), CastTo(after))
    made.write(tmp_path / "b.pt")
    for result in loaded(tmp_path / "b.pt"):
        for key, value in state.items():
            assert_same(result[key], value.to(getattr(torch, after)))
    fill = writing._fill

    def spoil(*arguments: Any) -> None:
        fill(*arguments)
        file = arguments[2]
        end = file.tell()
        # The last byte of the large one.
        file.seek(last)
        file.write(bytes([byte ^ 1]))
        file.seek(end)

    raw = (tmp_path / "b.pt").read_bytes()
    start = raw.index(loaded(tmp_path / "b.pt")[0]["w"].contiguous().view(torch.uint8).numpy()[:1].tobytes())
    last = start + values.numel() * getattr(torch, after).itemsize - 1
    byte = raw[last]
    monkeypatch.setattr(writing, "_fill", spoil)
    with pytest.raises(CannotWrite, match="'w': its values are not those"):
        made.write(tmp_path / "c.pt")
    assert not (tmp_path / "c.pt").exists()


def test_a_folder_that_is_not_there_or_may_not_be_written_is_named(tmp_path: Path, source: Path) -> None:
    with pytest.raises(CannotWrite, match="folder does not exist"):
        plan(source).write(tmp_path / "gone" / "b.pt")
    if os.geteuid() == 0:
        return
    (tmp_path / "closed").mkdir(0o500)
    with pytest.raises(CannotWrite, match="Permission denied"):
        plan(source).write(tmp_path / "closed" / "b.pt")


def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path: Path, source: Path) -> None:
    before = os.umask(0o027)
    try:
        plan(source).write(tmp_path / "b.pt")
        plan(source, target="sharded").write(tmp_path / "folder")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "b.pt").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o750


@pytest.mark.parametrize("rules", [[], [CastTo("bfloat16")], [CastTo("bfloat16", "w")]])
def test_progress_counts_bytes_written_and_read_again(tmp_path: Path, source: Path, rules: list[Rule]) -> None:
    steps: list[tuple[int, int]] = []
    made = plan(source, *rules)
    made.write(tmp_path / "b.pt", control=Control(lambda done, total, _: steps.append((done, total))))
    assert steps[-1] == (2 * made.nbytes, 2 * made.nbytes)
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
