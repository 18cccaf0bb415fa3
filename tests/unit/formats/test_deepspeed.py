"""DeepSpeed folders to the published layout: whole, in part, of two steps, and hostile."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

import sdviewer
from sdviewer.checkpoint.document import Checkpoint, Problem
from sdviewer.checkpoint.value_holes import read_around_holes
from sdviewer.cli.main import run
from sdviewer.errors import CannotRead, Damaged
from sdviewer.formats import opening
from sdviewer.training.named_state import named_state
from sdviewer.training.naming import Confidence, Source
from tests.helpers.conformance import raw_bytes
from tests.helpers.spying import Spy, spying
from tests.helpers.zero_folders import MODEL, STEP, Trained, rank_file, trained, write
from tests.unit.cli.running import no_window

FIRST, SECOND = rank_file(0), rank_file(1)
WEIGHTS, MOMENTS = "fp32_state_dict", "optimizer_state_dict"
KINDS: list[dict[str, Any]] = [
    {},
    {"stage": 1, "half": False},
    {"ranks": 1},
    {"ranks": 3},
    {"ranks": 5},
    {"layout": "lean"},
    {"layout": "lean", "ranks": 3},
    {"layout": "old", "ranks": 3},
    {"stage": 3},
    {"stage": 3, "ranks": 3},
]


def edit(file: Path, change: Callable[[Any], object]) -> None:
    """Change what a file of torch holds."""
    held = torch.load(file, weights_only=True)
    change(held)
    torch.save(held, file)


def told(checkpoint: Checkpoint, word: str) -> Problem:
    """The first problem whose message has a word."""
    return next(problem for problem in checkpoint.problems if word in problem.message)


def lost(checkpoint: Checkpoint, made: Trained) -> set[str]:
    """Names of what cannot be read; the values of all others are right."""
    expected = {f"{WEIGHTS}/{name}": value for name, value in made.weights.items()}
    expected |= {
        f"{MOMENTS}/state/{name}/{key}": value for name, state in made.moments.items() for key, value in state.items()
    }
    refused = set()
    for name, value in expected.items():
        try:
            found = checkpoint.tensors[name].numpy()
        except CannotRead:
            refused.add(name)
        else:
            assert found.shape == tuple(value.shape), name
            assert np.array_equal(found, value.numpy()), name
    return refused


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_parameters_and_moments_are_those_of_the_model_and_its_optimizer(tmp_path: Path, kind: dict[str, Any]) -> None:
    made = write(tmp_path, **kind)
    checkpoint = sdviewer.open(tmp_path)
    assert checkpoint.format == "deepspeed zero"
    assert not [problem for problem in checkpoint.problems if problem.severity != "info"]
    assert set(checkpoint.sections[WEIGHTS].tensors) == set(made.weights)
    assert not lost(checkpoint, made)
    ranks = [shard for shard in checkpoint.shards if "optim" in shard.file]
    assert [shard.status for shard in ranks] == ["ok"] * kind.get("ranks", 2)


def test_opening_reads_no_tensor(tmp_path: Path) -> None:
    write(tmp_path, ranks=3)
    content = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with spying() as spy:
        checkpoint = opening.open_checkpoint(tmp_path)
    groups = [torch.load(tmp_path / rank_file(at), weights_only=True) for at in range(3)]
    for at, held in enumerate(groups):
        name = rank_file(at)
        part = raw_bytes(held["optimizer_state_dict"]["single_partition_of_fp32_groups"][0])
        start = content[name].index(part)
        of_file = Spy([read for read in spy.reads if read[0].endswith(name)])
        assert of_file.total > 0
        assert of_file.bytes_read_inside(start, start + len(part)) == 0
    assert checkpoint.file_bytes == sum(map(len, content.values()))


def test_the_module_is_shown_as_it_is_beside_the_parameters(tmp_path: Path) -> None:
    made = write(tmp_path)
    checkpoint = sdviewer.open(tmp_path)
    module = checkpoint.sections["module"]
    assert module.kind == checkpoint.sections[WEIGHTS].kind == "model"
    assert module.parameters == checkpoint.sections[WEIGHTS].parameters
    assert torch.equal(module.tensors["body.weight"].torch(), made.weights["body.weight"].bfloat16())


def test_tied_parameters_are_one_and_buffers_are_buffers(tmp_path: Path) -> None:
    write(tmp_path)
    checkpoint = sdviewer.open(tmp_path)
    tie, names = checkpoint.tree.tie, checkpoint.table.name.tolist()
    assert tie[names.index(f"{WEIGHTS}/head.weight")] == tie[names.index(f"{WEIGHTS}/embed.weight")] >= 0
    # 7·5 + 5·5 + 5 + 5 + 5 + 1, and 3·5 + 3 that are frozen.
    assert checkpoint.sections[WEIGHTS].parameters == 94


@pytest.mark.parametrize("layout", ["padded", "lean"])
def test_the_optimizer_is_named_and_its_parameters_certain(tmp_path: Path, layout: str) -> None:
    made = write(tmp_path, layout=layout)
    checkpoint = sdviewer.open(tmp_path)
    state, naming = named_state(checkpoint, checkpoint.sections[MOMENTS])
    assert list(naming.name) == [name for group in made.groups for name in group]
    assert set(naming.source.tolist()) == {Source.KEYS}
    assert set(naming.confidence.tolist()) == {Confidence.CERTAIN}
    assert not naming.conflicts
    assert [len(group.params) for group in state.groups.groups] == [len(group) for group in made.groups]
    if layout == "padded":
        assert state.groups.optimizer == "AdamW"
        assert [group.options["weight_decay"] for group in state.groups.groups] == [0.01, 0.0]


def test_the_parent_shows_the_step_that_latest_names(tmp_path: Path) -> None:
    write(tmp_path / "global_step1", steps=1)
    made = write(tmp_path / STEP)
    (tmp_path / "latest").write_text(STEP)
    (tmp_path / "zero_to_fp32.py").write_text("raise SystemExit")
    checkpoint = sdviewer.open(tmp_path)
    assert not lost(checkpoint, made)
    assert "global_step1" in told(checkpoint, "'latest' names").message


@pytest.mark.parametrize("text", ["global_step9", "../global_step3", "", "global_step3/.."])
def test_a_latest_that_leads_nowhere_says_which_steps_there_are(tmp_path: Path, text: str) -> None:
    write(tmp_path / STEP)
    (tmp_path / "latest").write_text(text)
    with pytest.raises(sdviewer.errors.CannotOpen) as refusal:
        sdviewer.open(tmp_path)
    assert STEP in f"{refusal.value} {refusal.value.hint}"


def test_a_step_that_leads_to_itself_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "latest").write_text("global_step1")
    (tmp_path / "global_step1").symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(Damaged, match="further"):
        sdviewer.open(tmp_path)


def test_a_diff_with_the_consolidated_file_is_identical(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = write(tmp_path / "zero")
    torch.save(made.weights, tmp_path / "whole.pt")
    assert run(["diff", str(tmp_path / "zero"), str(tmp_path / "whole.pt")], no_window) == 0
    assert "The same: 12 tensors, bit by bit." in capsys.readouterr().out


def test_an_export_is_what_deepspeed_consolidates(tmp_path: Path) -> None:
    made = write(tmp_path / "zero", ranks=3)
    out = tmp_path / "out.safetensors"
    assert run(["export", "--section", WEIGHTS, "--ties", "copies", str(tmp_path / "zero"), str(out)], no_window) == 0
    found = safetensors.torch.load_file(out)
    assert found.keys() == made.weights.keys()
    assert all(torch.equal(found[name], value) for name, value in made.weights.items())


def test_a_rank_that_is_missing_is_told_with_what_it_holds(tmp_path: Path) -> None:
    for ranks, absent in ((2, 0), (2, 1), (3, 1)):
        folder = tmp_path / f"{ranks}-{absent}"
        made = write(folder, ranks=ranks, layout="lean")
        (folder / rank_file(absent)).unlink()
        checkpoint = sdviewer.open(folder)
        assert told(checkpoint, "not in the folder").where == rank_file(absent)
        missing = lost(checkpoint, made)
        assert missing
        assert len(missing) < len(made.weights) + 2 * len(made.moments)
        named = {problem.where for problem in checkpoint.problems if rank_file(absent) in problem.message}
        # One that is tied is told of by its first name.
        assert missing - {f"{WEIGHTS}/head.weight"} <= named
        assert (rank_file(absent), "missing") in {(shard.file, shard.status) for shard in checkpoint.shards}


def test_a_part_of_a_tensor_that_is_there_can_be_read(tmp_path: Path) -> None:
    made = write(tmp_path)
    (tmp_path / SECOND).unlink()
    checkpoint = sdviewer.open(tmp_path)
    rows = checkpoint.tensors[f"{WEIGHTS}/embed.weight"].read_slice((slice(0, 6),))
    assert np.array_equal(rows, made.weights["embed.weight"][:6].numpy())


def test_what_is_there_of_a_tensor_is_shown_round_what_is_not(tmp_path: Path) -> None:
    made = write(tmp_path, ranks=3)
    (tmp_path / SECOND).unlink()
    # Ranks have 20 values each: 20 of 35 of the first are there, 20 of 25 of the second behind the first 5.
    for name, first, last in (("embed.weight", 0, 20), ("body.weight", 5, 25)):
        ref = sdviewer.open(tmp_path).tensors[f"{WEIGHTS}/{name}"]
        expected = made.weights[name].numpy()
        at = np.arange(expected.size).reshape(expected.shape)
        is_there = (at >= first) & (at < last)
        for index in ((slice(0, 99), slice(0, 99)), (slice(1, 6), slice(2, 4)), (0, slice(0, 5)), (slice(3, 5), 1)):
            found = read_around_holes(ref, index)
            assert found is not None
            values, _, missing = found
            assert np.array_equal(missing, ~is_there[index])
            assert np.array_equal(values, np.where(is_there, expected, 0)[index])


def test_without_the_model_the_flat_partitions_are_shown_as_they_are(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / MODEL).unlink()
    checkpoint = sdviewer.open(tmp_path)
    assert told(checkpoint, "have no names").where == MODEL
    assert len(checkpoint.tensors) == 2 * (2 + 4)


@pytest.mark.parametrize("change", [lambda held: held.pop("param_shapes"), lambda held: held.update(param_shapes="x")])
def test_without_shapes_the_flat_partitions_are_shown_as_they_are(
    tmp_path: Path, change: Callable[[Any], object]
) -> None:
    write(tmp_path)
    edit(tmp_path / MODEL, change)
    checkpoint = sdviewer.open(tmp_path)
    assert told(checkpoint, "param_shapes").where == MODEL
    assert WEIGHTS not in checkpoint.sections
    assert sum("zero_pp_rank" in name for name in checkpoint.tensors) == 2 * (2 + 4)


@pytest.mark.parametrize("shape", [torch.Size([2**40, 2**30]), "text", (-1, 5), None, [[1]], 1.5])
def test_a_shape_that_is_none_is_told_and_the_other_group_shown(tmp_path: Path, shape: Any) -> None:
    made = write(tmp_path)
    edit(tmp_path / MODEL, lambda held: held["param_shapes"][0].update({"body.weight": shape}))
    checkpoint = sdviewer.open(tmp_path)
    assert told(checkpoint, "no possible shape").where == f"{MODEL}: body.weight"
    for name in ("embed.weight", *made.groups[1]):
        assert np.array_equal(checkpoint.tensors[f"{WEIGHTS}/{name}"].numpy(), made.weights[name].numpy())
    # What has no name is not hidden.
    assert any("single_partition_of_fp32_groups" in name for name in checkpoint.tensors)


@pytest.mark.parametrize("shape", [(5, 6), (2**30, 2**20)])
def test_a_shape_that_is_too_large_is_told_with_tensor_and_file(tmp_path: Path, shape: tuple[int, int]) -> None:
    made = write(tmp_path)
    edit(tmp_path / MODEL, lambda held: held["param_shapes"][0].update({"body.weight": torch.Size(shape)}))
    checkpoint = sdviewer.open(tmp_path)
    assert told(checkpoint, "its module").where == f"{WEIGHTS}/body.weight"
    problem = told(checkpoint, "too short")
    assert problem.where == f"{WEIGHTS}/body.weight"
    assert SECOND in problem.message
    with pytest.raises(CannotRead):
        checkpoint.tensors[f"{WEIGHTS}/body.weight"].numpy()
    assert np.array_equal(checkpoint.tensors[f"{WEIGHTS}/embed.weight"].numpy(), made.weights["embed.weight"].numpy())


@pytest.mark.parametrize("file", [FIRST, SECOND])
@pytest.mark.parametrize("longer", [False, True])
def test_a_flat_partition_of_another_length_is_told_and_what_lies_elsewhere_is_right(
    tmp_path: Path, file: str, *, longer: bool
) -> None:
    made = write(tmp_path)

    def change(held: Any) -> None:
        groups = held["optimizer_state_dict"]["single_partition_of_fp32_groups"]
        groups[0] = torch.cat([groups[0], torch.zeros(50)]) if longer else groups[0][:20].clone()

    edit(tmp_path / file, change)
    checkpoint = sdviewer.open(tmp_path)
    assert told(checkpoint, "too long" if longer else "too short").where == file
    spoiled = {FIRST: {"embed.weight", "head.weight"}, SECOND: {"body.weight"}}[file]
    assert lost(checkpoint, made) == (set() if longer else {f"{WEIGHTS}/{name}" for name in spoiled})


def test_the_file_of_one_rank_leads_to_its_folder(tmp_path: Path) -> None:
    write(tmp_path)
    checkpoint = sdviewer.open(tmp_path / SECOND)
    assert checkpoint.description.part_of == str(tmp_path)
    assert told(checkpoint, "by name").severity == "info"


def test_many_groups_with_problems_are_told_in_short(tmp_path: Path) -> None:
    write(tmp_path)
    names = [f"w{at}" for at in range(200)]
    edit(tmp_path / MODEL, lambda held: held.update(param_shapes=[{name: torch.Size([9])} for name in names]))
    for file in (FIRST, SECOND):
        flat = [torch.zeros(3) for _ in names]
        edit(
            tmp_path / file,
            lambda held, flat=flat: held["optimizer_state_dict"].update(  # type: ignore[misc]
                single_partition_of_fp32_groups=flat
            ),
        )
    checkpoint = sdviewer.open(tmp_path)
    assert told(checkpoint, "more tensors have problems")
    assert len(checkpoint.problems) < 160


@pytest.mark.parametrize("stage", [2, 3])
def test_a_number_of_ranks_that_lies_makes_no_holes_without_end(tmp_path: Path, stage: int) -> None:
    write(tmp_path, stage=stage)
    for file in (FIRST, SECOND):
        edit(tmp_path / file, lambda held: held["optimizer_state_dict"].update(partition_count=900))
    checkpoint = sdviewer.open(tmp_path)
    assert told(checkpoint, "898 of 900 ranks")
    assert len(checkpoint.description.inline) < 100_000


def test_ranks_of_two_steps_are_told(tmp_path: Path) -> None:
    write(tmp_path / "a", steps=3)
    write(tmp_path / "b", steps=5)
    shutil.copy(tmp_path / "b" / SECOND, tmp_path / "a")
    problem = told(sdviewer.open(tmp_path / "a"), "not of the same save")
    assert (problem.where, problem.severity) == (SECOND, "error")
    assert "step is 5 and 3 there" in problem.message


def test_a_rank_too_many_is_told_and_shown_by_itself(tmp_path: Path) -> None:
    write(tmp_path, ranks=3)
    made = write(tmp_path, ranks=2)
    checkpoint = sdviewer.open(tmp_path)
    assert told(checkpoint, "left over").where == rank_file(2)
    assert not lost(checkpoint, made)
    assert any(name.startswith("zero_pp_rank_2") for name in checkpoint.tensors)


@pytest.mark.parametrize("content", [b"", b"no checkpoint at all", None])
def test_a_rank_that_cannot_be_read_is_told_and_the_rest_shown(tmp_path: Path, content: bytes | None) -> None:
    made = write(tmp_path)
    path = tmp_path / SECOND
    path.write_bytes(path.read_bytes()[:900] if content is None else content)
    checkpoint = sdviewer.open(tmp_path)
    assert any(SECOND in problem.where and problem.severity == "error" for problem in checkpoint.problems)
    missing = lost(checkpoint, made)
    assert f"{WEIGHTS}/body.weight" in missing
    assert f"{WEIGHTS}/scale" not in missing


@pytest.mark.parametrize(
    "told_by_file",
    [
        {"partition_count": 10**9},
        {"partition_count": "many"},
        {"zero_stage": 7},
        {"zero_stage": None},
        {"single_partition_of_fp32_groups": None},
        {"base_optimizer_state": [1, 2, 3]},
        {"base_optimizer_state": {"state": 3, "param_groups": {"a": 1}}},
    ],
    ids=str,
)
def test_a_file_that_lies_is_opened_all_the_same(tmp_path: Path, told_by_file: dict[str, Any]) -> None:
    write(tmp_path)
    for file in (FIRST, SECOND):
        edit(tmp_path / file, lambda held: held["optimizer_state_dict"].update(told_by_file))
    checkpoint = sdviewer.open(tmp_path)
    assert "module" in checkpoint.sections


def test_ranks_of_another_dtype_are_told(tmp_path: Path) -> None:
    write(tmp_path)

    def change(held: Any) -> None:
        groups = held["optimizer_state_dict"]["single_partition_of_fp32_groups"]
        groups[:] = [group.double() for group in groups]

    edit(tmp_path / SECOND, change)
    problem = told(sdviewer.open(tmp_path), "float64")
    assert problem.where == f"{WEIGHTS}/embed.weight"
    assert SECOND in problem.message


def test_nothing_of_a_hostile_rank_is_executed(tmp_path: Path) -> None:
    write(tmp_path)
    mark = tmp_path / "executed"

    class Hostile:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (mark,))

    held = torch.load(tmp_path / SECOND, weights_only=True)
    held["optimizer_state_dict"]["loss_scaler"] = Hostile()
    torch.save(held, tmp_path / SECOND)
    checkpoint = sdviewer.open(tmp_path)
    assert not mark.exists()
    assert any(use.klass != "known" for use in checkpoint.globals)


def test_model_parallel_ranks_are_shown_side_by_side(tmp_path: Path) -> None:
    write(tmp_path)
    for name in (MODEL, FIRST, SECOND):
        shutil.copy(tmp_path / name, tmp_path / name.replace("mp_rank_00", "mp_rank_01"))
    checkpoint = sdviewer.open(tmp_path)
    assert told(checkpoint, "2 model-parallel ranks")
    body = trained().weights["body.weight"].numpy()
    for rank in ("mp_rank_00", "mp_rank_01"):
        assert np.array_equal(checkpoint.tensors[f"{rank}/{WEIGHTS}/body.weight"].numpy(), body)
