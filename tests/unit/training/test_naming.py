"""State is mapped to the parameter that it is of, and to none where it could be several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn, optim

from sdviewer.training.alignment import UNKNOWN_SHAPE, Told, align
from sdviewer.training.naming import Confidence, Naming, Source
from tests.helpers.optimizing import opened, saved, small_model, train, trained, true_names


def decayed(model: nn.Module) -> optim.Optimizer:
    """Weights decay, biases do not: two groups that alternate in the model."""
    weights: list[Any] = [p for p in model.parameters() if p.ndim > 1]
    others: list[Any] = [p for p in model.parameters() if p.ndim < 2]
    groups: list[dict[str, Any]] = [{"params": weights}, {"params": others, "weight_decay": 0.0}]
    return optim.AdamW(groups)


def agrees(naming: Naming, truth: list[str]) -> bool:
    return all(name in ("", true) for name, true in zip(naming.name, truth, strict=True))


def test_one_group_is_named_by_order_and_shape_past_buffers(tmp_path: Path) -> None:
    model = small_model()
    optimizer = optim.Adam(model.parameters())
    train(model, optimizer)
    naming = saved(tmp_path, model, optimizer).naming
    assert list(naming.name) == true_names(model, optimizer)
    assert set(naming.confidence.tolist()) == {Confidence.LIKELY}
    assert "All 8 shapes agree" in naming.reason
    assert naming.conflicts == ()


def test_param_names_are_certain(tmp_path: Path) -> None:
    model = small_model()
    optimizer = optim.AdamW(model.named_parameters())
    train(model, optimizer)
    naming = saved(tmp_path, model, optimizer).naming
    assert list(naming.name) == true_names(model, optimizer)
    assert set(naming.confidence.tolist()) == {Confidence.CERTAIN}
    assert set(naming.source.tolist()) == {Source.PARAM_NAMES}


def test_names_as_keys_are_certain_and_found_in_a_wrapped_model(tmp_path: Path) -> None:
    model = small_model()
    optimizer = optim.Adam(model.parameters())
    train(model, optimizer)
    whole = optimizer.state_dict()
    names = true_names(model, optimizer)
    whole["state"] = {names[index]: value for index, value in whole["state"].items()}
    whole["param_groups"][0]["params"] = names
    weights = {f"module._orig_mod.{key}": value for key, value in model.state_dict().items()}
    torch.save({"model": weights, "optimizer": whole}, tmp_path / "a.pt")
    found = opened(tmp_path / "a.pt")
    assert list(found.naming.name) == names
    assert set(found.naming.source.tolist()) == {Source.KEYS}
    rows = [found.checkpoint.table.name[row] for row in found.naming.row.tolist()]
    assert rows == [f"model/module._orig_mod.{name}" for name in names]


def test_groups_by_decay_are_told_apart_by_their_shapes(tmp_path: Path) -> None:
    model = small_model()
    optimizer = decayed(model)
    train(model, optimizer)
    naming = saved(tmp_path, model, optimizer).naming
    assert list(naming.name) == true_names(model, optimizer)
    assert set(naming.confidence.tolist()) == {Confidence.LIKELY}


def test_groups_whose_shapes_are_alike_are_not_called_likely(tmp_path: Path) -> None:
    model = nn.Sequential(*(nn.Linear(4, 4, bias=False) for _ in range(4)))
    own: list[Any] = list(model.parameters())
    groups: list[dict[str, Any]] = [{"params": own[::2]}, {"params": own[1::2], "lr": 0.1}]
    optimizer = optim.Adam(groups)
    train(model, optimizer)
    naming = saved(tmp_path, model, optimizer).naming
    assert set(naming.confidence.tolist()) <= {Confidence.POSSIBLE, Confidence.UNKNOWN}
    assert "another order would fit" in naming.reason


def test_parameters_that_are_not_in_the_optimizer_are_skipped_where_shapes_tell(tmp_path: Path) -> None:
    model = small_model()
    chosen: list[Any] = [p for name, p in model.named_parameters() if name.startswith(("1.", "2."))]
    optimizer = optim.Adam(chosen)
    train(model, optimizer)
    found = saved(tmp_path, model, optimizer)
    truth = true_names(model, optimizer)
    assert agrees(found.naming, truth)
    # The bias of the first layer has the shape of the norm's: which is left out cannot be known.
    assert [bool(name) for name in found.naming.name] == [False, False, True, True]


def test_what_is_left_out_is_told_when_all_others_are_known(tmp_path: Path) -> None:
    model = small_model()
    optimizer = optim.AdamW([(name, p) for name, p in model.named_parameters() if name.startswith("3.")])
    train(model, optimizer)
    found = saved(tmp_path, model, optimizer)
    left = [found.checkpoint.table.name[row] for row in found.naming.left_out.tolist()]
    assert left == [f"model/{name}" for name, _ in model.named_parameters() if not name.startswith("3.")]


def test_tied_parameters_count_once(tmp_path: Path) -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.mid, self.head = nn.Linear(4, 4), nn.Linear(4, 6), nn.Linear(4, 4)
            self.head.weight = self.embed.weight
            self.out = nn.Linear(6, 4)

        def forward(self, x: torch.Tensor) -> Any:
            return self.head(self.out(self.mid(self.embed(x))))

    model = Tied()
    optimizer = optim.Adam(model.parameters())
    train(model, optimizer)
    found = saved(tmp_path, model, optimizer)
    assert list(found.naming.name) == true_names(model, optimizer)
    row = found.checkpoint.tensors["model/head.weight"].row
    assert found.naming.index_of_row(row) == 0


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod."])
def test_wrapped_models_are_named_as_their_keys_are(tmp_path: Path, prefix: str) -> None:
    model = small_model()
    wrapped: Any = nn.DataParallel(model) if prefix == "module." else torch.compile(model, backend="eager")
    optimizer = optim.Adam(wrapped.parameters())
    train(model, optimizer)
    found = saved(tmp_path, wrapped, optimizer)
    assert list(found.naming.name) == true_names(wrapped, optimizer)
    assert found.naming.name[0] == f"{prefix}0.weight"


def test_a_group_added_late_is_named_with_the_others(tmp_path: Path) -> None:
    model = small_model()
    first, *_, last = model.children()
    optimizer = optim.AdamW(first.parameters())
    train(model, optimizer)
    optimizer.add_param_group({"params": list(last.parameters())})
    train(model, optimizer)
    naming = saved(tmp_path, model, optimizer).naming
    assert agrees(naming, true_names(model, optimizer))
    assert naming.name[0] == "0.weight"
    assert naming.name[2] == "3.weight"


def test_the_model_whose_shapes_fit_is_taken(tmp_path: Path) -> None:
    generator, critic = small_model(), nn.Linear(4, 7)
    optimizer = optim.Adam(critic.parameters())
    train(critic, optimizer)
    whole = {"netG": generator.state_dict(), "netD": critic.state_dict(), "optimizerD": optimizer.state_dict()}
    torch.save(whole, tmp_path / "gan.pt")
    found = opened(tmp_path / "gan.pt", "optimizerD")
    assert list(found.naming.name) == ["weight", "bias"]
    assert found.naming.model is not None
    assert found.naming.model.name == "netD"


def test_two_models_that_fit_equally_are_a_conflict_unless_one_is_named_alike(tmp_path: Path) -> None:
    one, other = nn.Linear(4, 7), nn.Linear(4, 7)
    optimizer = optim.Adam(other.parameters())
    train(other, optimizer)
    models = {"teacher": one.state_dict(), "student": other.state_dict()}
    torch.save(models | {"optimizer": optimizer.state_dict()}, tmp_path / "a.pt")
    found = opened(tmp_path / "a.pt")
    assert "Several models fit equally well" in found.naming.conflicts[0].text
    assert set(found.naming.confidence.tolist()) == {Confidence.POSSIBLE}
    torch.save(models | {"optimizer_student": optimizer.state_dict()}, tmp_path / "b.pt")
    found = opened(tmp_path / "b.pt", "optimizer_student")
    assert found.naming.model is not None
    assert found.naming.model.name == "student"
    assert set(found.naming.confidence.tolist()) == {Confidence.LIKELY}


def test_another_model_gives_no_names_and_says_where_they_part(tmp_path: Path) -> None:
    model = small_model()
    optimizer = optim.Adam(model.parameters())
    train(model, optimizer)
    naming = saved(tmp_path, nn.Sequential(*(nn.Linear(5, 5) for _ in range(5))), optimizer).naming
    assert set(naming.name) == {""}
    assert set(naming.confidence.tolist()) == {Confidence.UNKNOWN}
    assert "3 × 4" in naming.conflicts[0].text


def test_an_optimizer_without_a_model_says_so(tmp_path: Path) -> None:
    model = small_model()
    optimizer = optim.Adam(model.parameters())
    train(model, optimizer)
    naming = saved(tmp_path, None, optimizer).naming
    assert set(naming.name) == {""}
    assert "no model" in naming.reason


def test_names_that_do_not_fit_the_shapes_are_conflicts(tmp_path: Path) -> None:
    model = small_model()
    optimizer = optim.AdamW(model.named_parameters())
    train(model, optimizer)
    whole = optimizer.state_dict()
    names = whole["param_groups"][0]["param_names"]
    names[0], names[1] = names[1], names[0]
    torch.save({"model": model.state_dict(), "optimizer": whole}, tmp_path / "a.pt")
    naming = opened(tmp_path / "a.pt").naming
    assert [conflict.index for conflict in naming.conflicts] == [0, 1]
    assert "its state is 3 × 4" in naming.conflicts[0].text
    assert naming.confidence[0] == Confidence.POSSIBLE


def test_sgd_without_momentum_is_named_by_order_alone(tmp_path: Path) -> None:
    found = trained(tmp_path, lambda p: optim.SGD(p, 0.1))
    assert found.naming.name[0] == "0.weight"
    assert set(found.naming.confidence.tolist()) == {Confidence.POSSIBLE}


@given(st.lists(st.integers(0, 3), min_size=1, max_size=10), st.data())
def test_one_group_is_told_exactly_where_only_one_place_is_left(candidates: list[int], data: st.DataObject) -> None:
    chosen = data.draw(st.sets(st.integers(0, len(candidates) - 1), min_size=1).map(sorted))
    shape = [data.draw(st.sampled_from([candidates[place], UNKNOWN_SHAPE])) for place in chosen]
    found = align(np.array(shape), np.zeros(len(shape), np.int64), np.array(candidates))

    def ways(index: int, place: int) -> list[tuple[int, ...]]:
        if index == len(shape):
            return [()]
        return [
            (at, *rest)
            for at in range(place, len(candidates))
            if shape[index] in (UNKNOWN_SHAPE, candidates[at])
            for rest in ways(index + 1, at + 1)
        ]

    possible = ways(0, 0)
    for index in range(len(shape)):
        places = {way[index] for way in possible}
        if found.told[index] == Told.ONLY_ONE:
            assert places == {int(found.candidate[index])}
        elif found.told[index] == Told.NOT:
            assert len(places) > 1
