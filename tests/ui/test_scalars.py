"""Values of metadata are told in the words of Python."""

from __future__ import annotations

import pytest

from sdviewer.ui.scalars import words


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "None"),
        (True, "True"),
        (3, "3"),
        (0.001, "0.001"),
        ('a "b"\n', '"a \\"b\\"\\n"'),
        ("λ", '"λ"'),
        ([1, [None, "x"]], '[1, [None, "x"]]'),
        ({"a": 1, "b": []}, '{"a": 1, "b": []}'),
        ({"$bytes": 1}, "1 byte"),
        ({"$bytes": 30_000}, "30.0 K bytes"),
        ({"$global": "torch.float16"}, "torch.float16"),
        ({"$complex": [0.0, 1.0]}, "0.0 + 1.0 i"),
        ({"$bytes": 1, "more": 2}, '{"$bytes": 1, "more": 2}'),
    ],
)
def test_a_value_reads_as_in_python(value: object, expected: str) -> None:
    assert words(value) == expected
