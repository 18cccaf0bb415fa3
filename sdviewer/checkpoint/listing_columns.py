"""The columns of the table of all tensors that are known without reading a payload."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.checkpoint.facts import TensorFacts
from sdviewer.checkpoint.listing import MISSING, Column
from sdviewer.checkpoint.natural_order import byte_ranks, natural_ranks
from sdviewer.checkpoint.roles import Role
from sdviewer.checkpoint.tensor_problems import SEVERITIES
from sdviewer.checkpoint.wording import PROBLEM_MARKS, bytes_for_people, label_of, shape_text, shown
from sdviewer.control import Control

Int64 = npt.NDArray[np.int64]

_NAMES_TOLD = 6
_ROLES = ("unknown", "parameter", "buffer")
_ANSWERS = ("no", "yes")


def _coded(
    column_id: str,
    title: str,
    index: Callable[[TensorFacts], Int64],
    names: Callable[[TensorFacts], Sequence[str]],
    *,
    brief: Callable[[str], str] = shown,
    at_first: bool = True,
) -> Column:
    """A column of texts from a small table, of which `index` tells the row: negative for none, as is an empty text."""

    def whole(facts: TensorFacts, row: int) -> str:
        number = int(index(facts)[row])
        return names(facts)[number] if number >= 0 else ""

    def values(facts: TensorFacts, rows: Int64) -> list[str | None]:
        texts = [*(name or None for name in names(facts)), None]
        return [texts[number] for number in index(facts)[rows].tolist()]

    def key(facts: TensorFacts, control: Control) -> Int64:
        texts = names(facts)
        ranks = natural_ranks(StringColumn.of(texts), control)
        ranks[[not text for text in texts]] = MISSING
        return np.append(ranks, MISSING)[index(facts)]

    def text(facts: TensorFacts, row: int) -> str:
        return brief(whole(facts, row))

    def exact(facts: TensorFacts, row: int) -> str:
        return shown(whole(facts, row))

    return Column(column_id, title, "text", text, values, key, exact, at_first)


def _counted(
    column_id: str,
    title: str,
    numbers: Callable[[TensorFacts], Int64],
    *,
    text: Callable[[int], str] = "{:,}".format,
    exact: Callable[[TensorFacts, int], str] | None = None,
    at_first: bool = True,
) -> Column:
    """A column of integers, negative where there is none."""

    def shown_number(facts: TensorFacts, row: int) -> str:
        number = int(numbers(facts)[row])
        return text(number) if number >= 0 else ""

    def values(facts: TensorFacts, rows: Int64) -> list[int | None]:
        return [number if number >= 0 else None for number in numbers(facts)[rows].tolist()]

    def key(facts: TensorFacts, _: Control) -> Int64:
        found = numbers(facts).astype(np.int64)
        found[found < 0] = MISSING
        return found

    def exactly(facts: TensorFacts, row: int) -> str:
        return exact(facts, row) if exact is not None and numbers(facts)[row] >= 0 else ""

    return Column(column_id, title, "number", shown_number, values, key, exactly, at_first)


def _answered(column_id: str, title: str, answers: Callable[[TensorFacts], Int64]) -> Column:
    """A column of yes (1) and no (0), negative where nobody knows."""

    def text(facts: TensorFacts, row: int) -> str:
        answer = int(answers(facts)[row])
        return _ANSWERS[answer] if answer >= 0 else ""

    def values(facts: TensorFacts, rows: Int64) -> list[bool | None]:
        return [bool(answer) if answer >= 0 else None for answer in answers(facts)[rows].tolist()]

    def key(facts: TensorFacts, _: Control) -> Int64:
        found = answers(facts).astype(np.int64)
        found[found < 0] = MISSING
        return found

    return Column(column_id, title, "text", text, values, key, at_first=False)


def _name() -> Column:
    def text(facts: TensorFacts, row: int) -> str:
        return label_of(facts.checkpoint.table.name[row])

    def exact(facts: TensorFacts, row: int) -> str:
        return shown(facts.checkpoint.table.name[row]) or '""'

    def values(facts: TensorFacts, rows: Int64) -> list[str]:
        return facts.checkpoint.table.name.take(rows).tolist()

    def key(facts: TensorFacts, control: Control) -> Int64:
        return natural_ranks(facts.listed_names, control)

    return Column("name", "Name", "text", text, values, key, exact)


def _shape() -> Column:
    def text(facts: TensorFacts, row: int) -> str:
        return shape_text(facts.checkpoint.table.shape_of(row))

    def values(facts: TensorFacts, rows: Int64) -> list[list[int]]:
        table = facts.checkpoint.table
        return [list(table.forms.shape_of(form)) for form in table.form[rows].tolist()]

    def key(facts: TensorFacts, control: Control) -> Int64:
        table = facts.checkpoint.table
        # Sizes as big-endian numbers of eight bytes: their bytes sort as the shapes do, the first axis first.
        data = table.forms.shape.astype(">i8").view(np.uint8)
        return byte_ranks(data, 8 * table.forms.start, control)[table.form[: table.listed]]

    return Column("shape", "Shape", "number", text, values, key)


def _role() -> Column:
    def index(facts: TensorFacts) -> npt.NDArray[np.uint8]:
        return facts.checkpoint.tree.role[: facts.checkpoint.table.listed]

    def text(facts: TensorFacts, row: int) -> str:
        role = int(index(facts)[row])
        return "" if role == Role.UNKNOWN else _ROLES[role]

    def values(facts: TensorFacts, rows: Int64) -> list[str]:
        return [_ROLES[role] for role in index(facts)[rows].tolist()]

    def key(facts: TensorFacts, _: Control) -> Int64:
        ranks = np.array([MISSING, 1, 0])  # buffer, then parameter
        return ranks[index(facts)]

    return Column("role", "Role", "text", text, values, key)


def _problem() -> Column:
    def of(facts: TensorFacts, number: int) -> str | None:
        return facts.problems.messages[number] if number >= 0 else None

    def text(facts: TensorFacts, row: int) -> str:
        problems, number = facts.problems, int(facts.problems.index[row])
        return f"{PROBLEM_MARKS[problems.severities[number]]} {shown(problems.messages[number])}" if number >= 0 else ""

    def values(facts: TensorFacts, rows: Int64) -> list[str | None]:
        return [of(facts, number) for number in facts.problems.index[rows].tolist()]

    def key(facts: TensorFacts, control: Control) -> Int64:
        problems = facts.problems
        # The worst first, then by their texts.
        ranks = natural_ranks(StringColumn.of(problems.messages), control)
        ranks += len(ranks) * np.array([SEVERITIES.index(severity) for severity in problems.severities])
        return np.append(ranks, MISSING)[problems.index]

    return Column("problem", "Problem", "text", text, values, key)


def _tied_names(facts: TensorFacts, row: int) -> str:
    tie = facts.checkpoint.tree.tie[: facts.checkpoint.table.listed]
    return _names(facts, np.flatnonzero(tie == tie[row]), row) if tie[row] >= 0 else ""


def _sharing_names(facts: TensorFacts, row: int) -> str:
    storage = facts.checkpoint.table.storage[: facts.checkpoint.table.listed]
    return _names(facts, np.flatnonzero(storage == storage[row]), row) if storage[row] >= 0 else ""


def _names(facts: TensorFacts, rows: Int64, row: int) -> str:
    others = rows[rows != row]
    lines = [label_of(facts.checkpoint.table.name[other]) for other in others[:_NAMES_TOLD].tolist()]
    more = len(others) - len(lines)
    return "\n".join([*lines, f"and {more:,} more"] if more else lines)


def _nbytes_text(facts: TensorFacts, row: int) -> str:
    return f"{int(facts.checkpoint.table.nbytes[row]):,} bytes"


def _hexadecimal(facts: TensorFacts, row: int) -> str:
    return hex(int(facts.file_offset[row]))


def _last_part(path: str) -> str:
    return shown(PurePath(path).name or path)


def _sharers(count: int) -> str:
    return f"{count:,}" if count else ""


def _listed(column: str) -> Callable[[TensorFacts], Any]:
    return lambda facts: getattr(facts.checkpoint.table, column)[: facts.checkpoint.table.listed]


TENSOR_COLUMNS: tuple[Column, ...] = (
    _name(),
    _coded("dtype", "Dtype", lambda facts: facts.dtype_index, lambda facts: facts.dtype_names),
    _shape(),
    _counted("dimensions", "Dimensions", lambda facts: facts.axes, at_first=False),
    _counted("numel", "Elements", _listed("numel")),
    _counted("nbytes", "Size", _listed("nbytes"), text=bytes_for_people, exact=_nbytes_text),
    _role(),
    _coded("kind", "Module kind", lambda facts: facts.kind_index, lambda facts: facts.checkpoint.tree.kinds),
    _coded("section", "Section", lambda facts: facts.section_index, lambda facts: facts.section_names),
    _answered("requires_grad", "Requires grad", lambda facts: facts.requires_grad),
    _answered("contiguous", "Contiguous", lambda facts: facts.contiguous),
    _counted("storage_id", "Storage", _listed("storage"), text=str, at_first=False),
    _counted("file_offset", "Offset in file", lambda facts: facts.file_offset, exact=_hexadecimal, at_first=False),
    _coded(
        "file",
        "File",
        lambda facts: facts.file_index,
        lambda facts: facts.file_names,
        brief=_last_part,
        at_first=False,
    ),
    _counted("shared", "Sharing", lambda f: f.shared, text=_sharers, exact=_sharing_names, at_first=False),
    _counted("tied", "Tied", lambda f: f.tied, text=_sharers, exact=_tied_names, at_first=False),
    _problem(),
)
