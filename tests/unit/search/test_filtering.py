"""The filter finds the tensors that a look at each one finds."""

from __future__ import annotations

import fnmatch
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from sdviewer.checkpoint.document import Checkpoint, Problem
from sdviewer.checkpoint.dtypes import BY_NAME
from sdviewer.checkpoint.table import Flag
from sdviewer.control import Control
from sdviewer.errors import Cancelled
from sdviewer.search.filtering import Matches, TermCount, find_matches
from sdviewer.search.index import index_of
from sdviewer.search.patterns import TooSlow
from sdviewer.search.query import Mistake, Query, Regex, parse
from sdviewer.search.texts import Texts
from tests.helpers.saved import opened
from tests.unit.search.making import Made, checkpoint_of


def found(checkpoint: Checkpoint, text: str) -> Matches:
    query = parse(text)
    assert isinstance(query, Query), query
    matches = find_matches(query, index_of(checkpoint))
    assert isinstance(matches, Matches), matches
    return matches


def names(checkpoint: Checkpoint, text: str) -> list[str]:
    """The names of what fits, in the order in which they are found."""
    return [checkpoint.table.name[row] for row in found(checkpoint, text).rows.tolist()]


# Each term with the oracle of one tensor.
_TERMS: dict[str, Callable[[Any], bool]] = {
    "weight": lambda t: "weight" in t.name.casefold(),
    "Weight": lambda t: "Weight" in t.name,
    '"0.w"': lambda t: "0.w" in t.name.casefold(),
    "ß": lambda t: "ss" in t.name.casefold(),
    "*.weight": lambda t: fnmatch.fnmatchcase(t.name.casefold(), "*.weight"),
    "?.*[wb]*": lambda t: fnmatch.fnmatchcase(t.name.casefold(), "?.*[wb]*"),
    r"/\d\.(w|b)/": lambda t: re.search(r"\d\.(w|b)", t.name) is not None,
    "/^W/i": lambda t: re.search("^w", t.name, re.IGNORECASE) is not None,
    "dtype:bf16": lambda t: t.dtype == "bfloat16",
    "dtype:float": lambda t: t.dtype in ("float32", "bfloat16", "float8_e4m3fn"),
    "dtype:int,fp8": lambda t: t.dtype in ("int64", "uint8", "float8_e4m3fn"),
    "shape:2x*": lambda t: len(t.shape) == 2 and t.shape[0] == 2,
    "shape:...x3": lambda t: len(t.shape) > 0 and t.shape[-1] == 3,
    "shape:>=2x...x<3": lambda t: len(t.shape) > 1 and t.shape[0] >= 2 and t.shape[-1] < 3,
    "shape:scalar": lambda t: t.shape == (),
    "dims:>1": lambda t: len(t.shape) > 1,
    "numel:4..12": lambda t: 4 <= math.prod(t.shape) <= 12,
    "size:<=12": lambda t: math.prod(t.shape) * BY_NAME[t.dtype].itemsize <= 12,
    "grad:yes": lambda t: bool(t.flags & Flag.REQUIRES_GRAD),
    "grad:no": lambda t: bool(t.flags & Flag.GRAD_KNOWN) and not t.flags & Flag.REQUIRES_GRAD,
    "grad:unknown": lambda t: not t.flags & Flag.GRAD_KNOWN,
    "file:b.": lambda t: t.file == 1 and not t.missing,
    "problem:yes": lambda t: bool(t.flags & Flag.OUT_OF_BOUNDS) or t.missing,
}

_MADE = st.builds(
    Made,
    name=st.lists(st.sampled_from(["0", "Weight", "weight", "bias", "a", "ß", "straße"]), min_size=1, max_size=4).map(
        ".".join
    ),
    dtype=st.sampled_from(["float32", "bfloat16", "int64", "uint8", "float8_e4m3fn"]),
    shape=st.lists(st.integers(0, 3), max_size=3).map(tuple),
    flags=st.sampled_from([Flag(0), Flag.GRAD_KNOWN, Flag.GRAD_KNOWN | Flag.REQUIRES_GRAD, Flag.OUT_OF_BOUNDS]),
    file=st.integers(0, 1),
    missing=st.booleans(),
)


@given(
    tensors=st.lists(_MADE, max_size=8, unique_by=lambda made: made.name),
    terms=st.lists(st.tuples(st.sampled_from(sorted(_TERMS)), st.booleans()), max_size=3),
)
@example(tensors=[], terms=[("shape:2x*", False), ("file:b.", True), ("dims:>1", False)])
def test_what_fits_is_what_fits_every_term(tensors: list[Made], terms: list[tuple[str, bool]]) -> None:
    matches = found(checkpoint_of(tensors), " ".join("-" * negated + term for term, negated in terms))
    expected = [all(_TERMS[term](made) != negated for term, negated in terms) for made in tensors]
    assert matches.mask.tolist() == expected
    assert matches.rows.tolist() == [row for row, fits in enumerate(expected) if fits]
    assert matches.total == len(tensors)
    counts = [sum(_TERMS[term](made) != negated for made in tensors) for term, negated in terms]
    assert [term.count for term in matches.terms] == counts


def test_a_dtype_is_found_by_the_name_that_only_the_file_knows() -> None:
    checkpoint = checkpoint_of(
        [Made("a", "other", own_dtype="<U5"), Made("b", "other", own_dtype="datetime64[ns]"), Made("c")]
    )
    assert names(checkpoint, 'dtype:"<U5"') == ["a"]
    assert names(checkpoint, "dtype:datetime*") == ["b"]
    assert names(checkpoint, "dtype:other") == ["a", "b"]
    assert names(checkpoint, 'dtype:"<U5",f32') == ["a", "c"]


def test_a_shape_of_huge_axes_is_compared_without_wrapping_round() -> None:
    checkpoint = checkpoint_of([Made("a", shape=(2**31, 2**31)), Made("b", shape=(2**63 - 1,)), Made("c")])
    assert names(checkpoint, f"shape:{2**63 - 1}") == ["b"]
    assert names(checkpoint, "shape:>=2147483648x*") == ["a"]
    assert names(checkpoint, "size:>1TiB") == ["a", "b"]


def test_a_kind_is_that_of_the_module_around_the_tensor() -> None:
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Linear(5, 6))
    checkpoint = checkpoint_of([Made(name, shape=tuple(t.shape)) for name, t in model.state_dict().items()])
    assert names(checkpoint, "kind:linear") == ["2.weight", "2.bias"]
    assert names(checkpoint, "kind:conv*,Linear") == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert names(checkpoint, "kind:*norm* dims:1 role:buffer") == ["1.running_mean", "1.running_var"]
    assert names(checkpoint, "kind:Lin") == []


def test_roles_are_those_of_torch() -> None:
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    checkpoint = checkpoint_of([Made(name, shape=tuple(t.shape)) for name, t in model.state_dict().items()])
    assert names(checkpoint, "role:parameter") == [name for name, _ in model.named_parameters()]
    assert names(checkpoint, "role:buffer") == [name for name, _ in model.named_buffers()]
    assert names(checkpoint, "role:unknown") == []


def test_tied_tensors_are_found() -> None:
    checkpoint = checkpoint_of([Made("a.weight", storage=1), Made("b.weight"), Made("c.weight", storage=1)])
    assert names(checkpoint, "tied:yes") == ["a.weight", "c.weight"]
    assert names(checkpoint, "tied:no") == ["b.weight"]


def test_a_tensor_that_a_problem_names_has_one() -> None:
    problems = (Problem("partial", "error", "cut off", "b"), Problem("irregular", "info", "of the whole file"))
    checkpoint = checkpoint_of([Made("a"), Made("b"), Made("ab")], problems=problems)
    assert names(checkpoint, "problem:yes") == ["b"]
    assert names(checkpoint, "problem:no") == ["a", "ab"]


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    model = torch.nn.Linear(2, 3)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.zeros(2)).sum().backward()
    optimizer.step()
    value = {
        "model": model.state_dict(),
        "ema": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "epoch": 3,
    }
    return opened(tmp_path_factory.mktemp("training"), value)


def test_a_section_is_found_by_its_name_and_by_its_kind(training: Checkpoint) -> None:
    for word in ("model", "ema", "optimizer"):
        assert names(training, f"section:{word}") == list(
            {ref.name: None for ref in training.sections[word].tensors.values()}
        )
    assert len(names(training, "section:model,ema")) == 4
    assert names(training, "in:optim*") == names(training, "section:optimizer")


def test_names_and_keys_are_both_looked_at(training: Checkpoint) -> None:
    assert names(training, "weight") == ["model/weight", "ema/weight"]
    assert names(training, "/^weight$/") == ["model/weight", "ema/weight"]
    assert names(training, "wei*") == ["model/weight", "ema/weight"]
    assert names(training, "model/wei*") == ["model/weight"]
    assert names(training, "state.0.exp_avg") == ["optimizer/state/[0]/exp_avg", "optimizer/state/[0]/exp_avg_sq"]
    assert names(training, "state.?.exp_avg") == ["optimizer/state/[0]/exp_avg", "optimizer/state/[1]/exp_avg"]
    assert names(training, r"/^state\.1\.exp_avg$/") == ["optimizer/state/[1]/exp_avg"]


def test_the_file_is_that_of_the_shard(tmp_path: Path) -> None:
    checkpoint = checkpoint_of([Made("a"), Made("b", file=1), Made("c", flags=Flag.META)], ("x-00001.pt", "x-00002.pt"))
    assert names(checkpoint, "file:00002") == ["b"]
    assert names(checkpoint, "file:X-*1.pt") == ["a", "c"]
    assert names(checkpoint, "file:folder") == []
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("layers.*", "*layers.* fits a part"),
        ("kind:Foo", "This file has the kinds Linear"),
        ("section:foo", "This file has the sections model"),
        ("dtype:bf16", "This file has the dtypes float32"),
        ("file:foo", "This file has the files a.bin, b.bin"),
        ("size:3KB", "is exactly this number"),
        ("size>3KB", "did you mean size:>3KB?"),
        ("dtype=bf16", "did you mean dtype:bf16?"),
        ("nothing\u202e", "No tensor fits nothing\\u202e"),
        ("weight dtype:f32 -weight", "No tensor fits all of this at once"),
        ("-dtype:f32", ""),
    ],
)
def test_an_empty_result_says_why(text: str, says: str) -> None:
    checkpoint = checkpoint_of([Made("model.layers.0.weight", shape=(4, 5)), Made("model.layers.0.bias", shape=(4,))])
    matches = found(checkpoint, text)
    assert matches.rows.tolist() == []
    assert says in matches.note
    assert bool(says) == bool(matches.note)


def test_a_result_has_no_note() -> None:
    assert found(checkpoint_of([Made("a")]), "a").note == ""


def test_a_regex_that_takes_too_long_is_a_mistake_at_its_place() -> None:
    def never(*_: object) -> Any:
        raise TooSlow

    query = parse("a -/(a+)+$/")
    assert isinstance(query, Query)
    answer = find_matches(query, index_of(checkpoint_of([Made("a")])), match_regex=never)
    assert isinstance(answer, Mistake)
    assert (answer.start, answer.length) == (2, 9)
    assert "takes too long" in answer.message


def test_a_term_that_stays_is_not_looked_at_again() -> None:
    asked: list[str] = []

    def counting(regex: Regex, texts: Texts, *_: object) -> Any:
        asked.append(regex.pattern)
        return np.ones(len(texts), np.bool_)

    index = index_of(checkpoint_of([Made("ab")]))
    for text in ("/a/", "/a/ x", "/a/ xy -/a/", "/b/", "/a/"):
        query = parse(text)
        assert isinstance(query, Query)
        find_matches(query, index, match_regex=counting)
    assert asked == ["a", "b"]
    for number in range(30):
        query = parse(f"/{number}/")
        assert isinstance(query, Query)
        find_matches(query, index, match_regex=counting)
    assert len(index._remembered) < 20


def test_a_filter_stops_when_it_is_not_wanted() -> None:
    query = parse("a")
    assert isinstance(query, Query)
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        find_matches(query, index_of(checkpoint_of([Made("a")])), control)


def test_the_terms_are_counted_one_by_one() -> None:
    checkpoint = checkpoint_of([Made("a.bias"), Made("b.bias"), Made("a.weight")])
    assert found(checkpoint, "bias a -b.bias").terms == (
        TermCount("bias", 2),
        TermCount("a", 3),
        TermCount("-b.bias", 2),
    )
