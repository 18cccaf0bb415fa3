"""Every error is in the tree that its module draws, has a kind of its own and says what, where and what to do."""

from __future__ import annotations

import inspect
import pickle
import re

import pytest

from sdviewer import errors
from sdviewer.errors import AmbiguousName, CannotOpen, CannotRead, SdviewerError

ALL = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, SdviewerError)]
BUILT_IN = {
    "FileMissing": FileNotFoundError,
    "NotPermitted": PermissionError,
    "NotACheckpoint": ValueError,
    "Damaged": ValueError,
    "SourceChanged": OSError,
    "MissingBytes": ValueError,
    "NotDense": TypeError,
    "NotDecodable": TypeError,
    "NameNotFound": KeyError,
    "AmbiguousName": KeyError,
    "CannotWrite": OSError,
}


def made(kind: type[SdviewerError], message: str = "is odd", file: str = "", hint: str = "") -> SdviewerError:
    if issubclass(kind, AmbiguousName):
        return kind(message, ("a", "b"), file=file, hint=hint)
    return kind(message, file=file, hint=hint)


def drawn_tree() -> dict[str, str]:
    """Each class and its parent, as the docstring of the module draws them."""
    parents: dict[str, str] = {}
    line_up: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"^ {4}([│├└─ ]*)(\w+)", line)
        if match is None:
            continue
        depth = len(match[1])
        while line_up and line_up[-1][0] >= depth:
            line_up.pop()
        parents[match[2]] = line_up[-1][1] if line_up else ""
        line_up.append((depth, match[2]))
    return parents


def test_the_tree_of_the_docstring_is_the_one_of_the_classes() -> None:
    there = {kind.__name__: kind.__mro__[1].__name__ if kind is not SdviewerError else "" for kind in ALL}
    assert drawn_tree() == there


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_an_error_says_in_which_file_what_happened_and_what_to_do(kind: type[SdviewerError]) -> None:
    error = made(kind, "is odd", "model.pt", "try again")
    assert str(error) == "model.pt: is odd (try again)"
    assert (error.message, error.file, error.hint) == ("is odd", "model.pt", "try again")
    assert str(made(kind, "is odd")) == "is odd"
    assert str(made(kind, "is odd", hint="try")) == "is odd (try)"


@pytest.mark.parametrize(("name", "built_in"), BUILT_IN.items())
def test_an_error_is_also_the_built_in_one_that_people_catch(name: str, built_in: type[Exception]) -> None:
    assert issubclass(getattr(errors, name), built_in)


def test_kinds_are_unique_and_spell_the_names() -> None:
    kinds = {kind.__name__: kind.kind for kind in ALL if kind is not SdviewerError}
    assert kinds == {name: re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() for name in kinds}


def test_opening_and_reading_fail_by_different_branches() -> None:
    assert not issubclass(CannotOpen, CannotRead)
    assert not issubclass(CannotRead, CannotOpen)


def test_an_ambiguous_name_carries_its_candidates() -> None:
    assert AmbiguousName("two", ["a", "b"]).candidates == ("a", "b")


@pytest.mark.parametrize("kind", [kind for kind in ALL if kind is not AmbiguousName], ids=lambda kind: kind.__name__)
def test_an_error_survives_the_way_between_processes(kind: type[SdviewerError]) -> None:
    back = pickle.loads(pickle.dumps(made(kind, "is odd", "model.pt", "try again")))
    assert type(back) is kind
    assert str(back) == "model.pt: is odd (try again)"
