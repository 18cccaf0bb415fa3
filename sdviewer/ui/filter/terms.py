"""Terms in the line: whether one stands there, and the line with it or without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sdviewer.search.query import Term


def has_term(text: str, term: str) -> bool:
    """Whether a line that is understood has this very term."""
    return any(found.text == term for found in _terms(text))


def with_term(text: str, term: str) -> str:
    """The line with one more term; of a field it takes the place of what the line asks of that field."""
    (wanted,) = _terms(term)
    kept = [found for found in _terms(text) if not _is_rival(found, wanted)]
    if not _terms(text):
        return f"{text.rstrip()} {term}".lstrip()
    return " ".join([*(found.text for found in kept), term])


def without_term(text: str, term: str) -> str:
    """The line without a term."""
    return " ".join(found.text for found in _terms(text) if found.text != term)


def _terms(text: str) -> tuple[Term, ...]:
    if not text.strip():
        return ()
    # Imported with the first letter: the first tree does not wait for it.
    from sdviewer.search.query import Query, parse

    query = parse(text)
    return query.terms if isinstance(query, Query) else ()


def _is_rival(found: Term, wanted: Term) -> bool:
    """Two values of one field exclude each other: a tensor has one role."""
    if found.text == wanted.text:
        return True
    from sdviewer.search.query import FieldTest

    one, other = found.test, wanted.test
    same = isinstance(one, FieldTest) and isinstance(other, FieldTest) and one.field == other.field
    return same and not found.negated and not wanted.negated
