"""The filter's language: what each way of writing means, and how a slip is told."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sdviewer.search.conditions import ANY, Choice, DtypeSet, Naming, Range, ShapeForm
from sdviewer.search.fields import BY_WORD, FIELDS, NAME_TERMS, Field
from sdviewer.search.filtering import EVALUATORS
from sdviewer.search.query import FieldTest, Glob, Mistake, Query, Regex, Term, Test, Word, parse


def meanings(text: str) -> list[Test]:
    query = parse(text)
    assert isinstance(query, Query), query
    return [term.test for term in query.terms]


def mistake(text: str) -> Mistake:
    found = parse(text)
    assert isinstance(found, Mistake), found
    return found


def test_an_empty_line_has_no_terms() -> None:
    assert parse("  \t ") == Query(())


@pytest.mark.parametrize(
    ("text", "test"),
    [
        ("weight", Word("weight", case=False)),
        ("qProj", Word("qProj", case=True)),
        ('"a b"', Word("a b", case=False)),
        ('"dtype:f32"', Word("dtype:f32", case=False)),
        ('"*"', Word("*", case=False)),
        ('"still typing', Word("still typing", case=False)),
        ("ÄÖß", Word("ÄÖß", case=True)),
        ("äöß", Word("äöss", case=False)),
        ("1:2", Word("1:2", case=False)),
        ("*.weight", Glob("*.weight", case=False)),
        ("layers.[0-3].?", Glob("layers.[0-3].?", case=False)),
        ("[A-Z]*", Glob("[A-Z]*", case=True)),
        ("/a b/", Regex("a b", case=True)),
        ("/a/i", Regex("a", case=False)),
        ("/model/enc/", Regex("model/enc", case=True)),
        (r"/a\/ b/", Regex("a/ b", case=True)),
        (r"/a\\/", Regex(r"a\\", case=True)),
        ("/still typ", Regex("still typ", case=True)),
        ("/[[]a/", Regex("[[]a", case=True)),
        ("dims:2", FieldTest("dims", (Range(2, 2),))),
        ("RANK:2", FieldTest("dims", (Range(2, 2),))),
        ("dims:1,3", FieldTest("dims", (Range(1, 1), Range(3, 3)))),
        ("shape:[4, 5],scalar", FieldTest("shape", (ShapeForm((Range(4, 4), Range(5, 5))), ShapeForm(())))),
        ('file:"a b",c', FieldTest("file", (Naming("a b", anywhere=True), Naming("c", anywhere=True)))),
        ("role:buf", FieldTest("role", (Choice("buffer"),))),
    ],
)
def test_a_term_means_what_it_is_written_as(text: str, test: Test) -> None:
    assert meanings(text) == [test]


def test_terms_stand_between_blanks_and_a_minus_turns_one_round() -> None:
    query = parse('  -bias  dims:2\t-"a b" -/x/')
    assert isinstance(query, Query)
    assert query.terms == (
        Term(Word("bias", case=False), True, "-bias", 2),
        Term(FieldTest("dims", (Range(2, 2),)), False, "dims:2", 9),
        Term(Word("a b", case=False), True, '-"a b"', 16),
        Term(Regex("x", case=True), True, "-/x/", 23),
    )


@pytest.mark.parametrize(
    ("text", "start", "length", "says", "suggestion"),
    [
        ("bias dtyp:bf16", 5, 4, "no field “dtyp”", "dtype:bf16"),
        ("kernel:0", 0, 6, "no field “kernel”", '"kernel:0"'),
        ("dtype:b16", 6, 3, "no dtype “b16”", "dtype:bf16"),
        ("dtype:f32,b16,i8", 10, 3, "no dtype “b16”", "dtype:f32,bf16,i8"),
        ("dtype:", 6, 1, "a value is missing", "dtype:bf16"),
        ("dtype:f32,", 10, 1, "a value is missing", "dtype:bf16"),
        ("size:>", 5, 1, "a number is missing", "size:>10MB"),
        ("size:10zb", 5, 4, "“zb” is no unit", "size:>10MB"),
        ("numel:many", 6, 4, "“many” is not a number", "numel:>=1M"),
        ("numel:..", 6, 2, "not a number", "numel:>=1M"),
        ("shape:4xx3", 6, 4, "an axis of the shape is missing", "shape:4096x*"),
        ("shape:[4,5", 6, 2, "ends without ]", "shape:[4],5"),
        ("shape:...x3x...", 6, 9, "one … at most", "shape:...x3x3"),
        ("role:buffet", 5, 6, "none of parameter, buffer, unknown", "role:buffer"),
        ("tied:perhaps", 5, 7, "none of yes, no", "tied:yes"),
        ("/[/", 1, 1, "unterminated character set", ""),
        ("x /a(b/", 4, 1, "unterminated subpattern", ""),
        ("/a/gi", 3, 2, "only i may stand", "/a/i"),
        ("//", 0, 2, "a regex is missing", r"/\.\d+\.weight$/"),
        ('""', 0, 2, "nothing stands between the quotes", ""),
        ('"a"b', 3, 1, "a blank is missing", ""),
        ('file:"a"b', 8, 1, "a blank or a comma is missing", ""),
        ("a - b", 2, 1, "something is missing", "-bias"),
        ("/" + "a" * 1001 + "/", 0, 1003, "at most 1,000", ""),
        ("/a{99999999999}/", 0, 16, "too large", ""),
        ("a" * 5000, 4000, 1000, "at most 4,000", ""),
    ],
)
def test_a_slip_is_told_with_its_place_and_what_to_write(
    text: str, start: int, length: int, says: str, suggestion: str
) -> None:
    found = mistake(text)
    assert (found.start, found.length, found.suggestion) == (start, length, suggestion)
    assert says.lower() in found.message.lower()
    assert not found.message[0].islower()


@given(st.text('ab:*/-,"[]()<>=.x1 \t\\ftyped|?+{}') | st.text())
@example("/(?z)/")
@example("/(?i)a(?i)/")
@example("/[[a]&&b]/")
@example(r"/\N{x}/")
@example("/a{99999999999}/")
@example("numel:" + "9" * 5000)
@example("size:1e9")
@example("shape:¹x²")
@example("dims:٣")
def test_no_line_is_too_odd_to_be_answered(text: str) -> None:
    found = parse(text)
    if isinstance(found, Query):
        assert all(text[term.start : term.start + len(term.text)] == term.text for term in found.terms)
    else:
        assert 0 <= found.start <= len(text)
        assert found.length >= 1
        assert found.message


@given(st.text('dtypeshapizenuml:*/-,"[]<>=.x1 ', max_size=30))
def test_what_is_suggested_mends_the_slip(text: str) -> None:
    found = parse(text)
    if isinstance(found, Mistake) and found.suggestion:
        again = parse(found.mended(text))
        # Another slip may stand behind it.
        assert isinstance(again, Query) or again.message != found.message or again.start > found.start


def test_a_suggestion_takes_the_place_of_its_term() -> None:
    text = "bias -dtyp:bf16 x"
    assert mistake(text).mended(text) == "bias -dtype:bf16 x"
    text = "a dtype:f32,b16 x"
    assert mistake(text).mended(text) == "a dtype:f32,bf16 x"
    text = "a - b"
    assert mistake(text).mended(text) == "a -bias b"
    assert mistake("/[/").mended("/[/") == "/[/"


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_every_field_explains_itself_with_examples_that_work(field: Field) -> None:
    assert field.meaning
    assert field.examples
    for text in field.examples:
        (test,) = meanings(text)
        assert isinstance(test, FieldTest)
        assert test.field == field.name
    assert all(BY_WORD[word] is field for word in (field.name, *field.aliases))


def test_the_examples_of_names_work() -> None:
    texts = [text for examples, meaning in NAME_TERMS for text in examples if meaning]
    assert [len(meanings(text)) for text in texts] == [1] * len(texts)


def test_every_field_can_be_evaluated_and_no_word_means_two() -> None:
    assert list(EVALUATORS) == [field.name for field in FIELDS if not field.needs_scan]
    words = [word for field in FIELDS for word in (field.name, *field.aliases)]
    assert len(words) == len(set(words))


def test_a_dtype_in_quotes_is_taken_as_the_file_spells_it() -> None:
    assert meanings('dtype:"<u5"') == [FieldTest("dtype", (DtypeSet(frozenset(), Naming("<u5")),))]


def test_a_star_is_any_axis() -> None:
    assert meanings("shape:4x*") == [FieldTest("shape", (ShapeForm((Range(4, 4), ANY)),))]
