"""`info` for people: what the file is, what it holds, what is odd about it, and its tensors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.facts import TensorFacts
from sdviewer.checkpoint.json_text import to_json
from sdviewer.checkpoint.metadata import metadata_of
from sdviewer.checkpoint.table import Flag
from sdviewer.checkpoint.wording import PROBLEM_MARKS, bytes_for_people, count_for_people, plural, shown
from sdviewer.formats.companion_names import files_word

_WIDEST_NAME = 72
_WIDTH_SAMPLE = 2_000
_LONGEST_VALUE = 100
# The order in which a reader wants to see them.
_GLOBAL_ORDER = ("dangerous", "unknown", "known")


def info_lines(checkpoint: Checkpoint, limit: int | None) -> Iterator[str]:
    """The report, line by line; at most `limit` tensors (and of each other list as many), None for all."""
    yield from _head(checkpoint)
    yield from _sections(checkpoint, limit)
    yield from _shards(checkpoint, limit)
    yield from _problems(checkpoint, limit)
    yield from _globals(checkpoint, limit)
    yield from _metadata(checkpoint, limit)
    yield from _tensors(checkpoint, limit)


def _head(checkpoint: Checkpoint) -> Iterator[str]:
    table = checkpoint.table
    yield shown(checkpoint.path)
    yield f"  format      {checkpoint.format}"
    yield f"  size        {bytes_for_people(checkpoint.file_bytes)} ({plural(checkpoint.file_bytes, 'byte')})"
    tree = checkpoint.tree
    parameters = f", {plural(int(tree.parameters[0]), 'parameter')}" if len(tree) else ""
    yield f"  tensors     {table.listed:,}{parameters}"
    if table.listed:
        yield f"  dtypes      {_dtypes(checkpoint)}"
    if checkpoint.description.unshown_bytes:
        yield f"  unshown     {bytes_for_people(checkpoint.description.unshown_bytes)} stored that no tensor shows"
    if checkpoint.description.texts:
        yield f"  texts       {plural(len(checkpoint.description.texts), 'file')} of source code or other text"


def _dtypes(checkpoint: Checkpoint) -> str:
    table = checkpoint.table
    codes, first, counts = np.unique(table.dtype[: table.listed], return_index=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    nbytes = table.nbytes[: table.listed]
    return ", ".join(
        f"{table.dtype_of(int(first[i])).name} × {counts[i]:,} "
        f"({bytes_for_people(int(nbytes[table.dtype[: table.listed] == codes[i]].sum(dtype=np.float64)))})"
        for i in order.tolist()
    )


def _sections(checkpoint: Checkpoint, limit: int | None) -> Iterator[str]:
    rows = [
        (
            _name(section.name),
            section.kind,
            f"{len(section.rows):,}",
            count_for_people(section.parameters),
            bytes_for_people(section.nbytes),
        )
        for section in islice(checkpoint.sections.values(), limit)
    ]
    if rows:
        yield ""
        yield "Sections"
        yield from _columns(("name", "kind", "tensors", "parameters", "size"), rows, right={2, 3, 4})
        yield from _more(len(checkpoint.sections), limit)


def _shards(checkpoint: Checkpoint, limit: int | None) -> Iterator[str]:
    if not checkpoint.shards:
        return
    yield ""
    yield f"{files_word(checkpoint.shards)} ({len(checkpoint.shards):,})"
    rows = [
        (shown(shard.file), shard.status, f"{shard.tensors:,}", bytes_for_people(shard.nbytes))
        for shard in islice(checkpoint.shards, limit)
    ]
    yield from _columns(("file", "status", "tensors", "size"), rows, right={2, 3})
    yield from _more(len(checkpoint.shards), limit)


def _problems(checkpoint: Checkpoint, limit: int | None) -> Iterator[str]:
    if not checkpoint.problems and not checkpoint.duplicates:
        return
    yield ""
    yield "Problems"
    for problem in islice(checkpoint.problems, limit):
        where = f" [{shown(problem.where)}]" if problem.where else ""
        yield f"  {PROBLEM_MARKS[problem.severity]} {problem.kind}: {shown(problem.message)}{where}"
    yield from _more(len(checkpoint.problems), limit)
    for duplicate in islice(checkpoint.duplicates, limit):
        hidden = f"{_name(duplicate.name)} [{shown(duplicate.where)}]"
        yield f"  {PROBLEM_MARKS['warning']} hidden by another of its name: {hidden}"
    yield from _more(len(checkpoint.duplicates), limit)


def _globals(checkpoint: Checkpoint, limit: int | None) -> Iterator[str]:
    if not checkpoint.globals:
        return
    yield ""
    yield "Globals that its pickles name (none was imported or called)"
    uses = sorted(checkpoint.globals, key=lambda use: _GLOBAL_ORDER.index(use.klass))
    for use in islice(uses, limit):
        yield f"  {use.klass:<9}  {shown(use.name)}"
    yield from _more(len(uses), limit)
    if checkpoint.description.torch_lines:
        yield ""
        yield "How torch would load it"
        for line in checkpoint.description.torch_lines:
            yield f"  {shown(line)}"


def _metadata(checkpoint: Checkpoint, limit: int | None) -> Iterator[str]:
    metadata = metadata_of(checkpoint.description)
    if not metadata:
        return
    yield ""
    yield "Metadata"
    for name, value in islice(metadata.items(), limit):
        text = shown(value, _LONGEST_VALUE) if isinstance(value, str) else shown(to_json(value), _LONGEST_VALUE)
        yield f"  {_name(name)} = {text}"
    yield from _more(len(metadata), limit)


def _tensors(checkpoint: Checkpoint, limit: int | None) -> Iterator[str]:
    table = checkpoint.table
    if table.listed == 0:
        return
    yield ""
    yield "Tensors"
    count = table.listed if limit is None else min(limit, table.listed)
    width = max(len(shown(table.name[row])) for row in range(min(count, _WIDTH_SAMPLE)))
    width = max(4, min(width, _WIDEST_NAME))
    shapes = [_shape(table.forms.shape_of(form)) for form in range(len(table.forms))]
    shape_width = max(5, min(max(map(len, shapes)), 40))
    facts = TensorFacts(checkpoint)
    yield f"  {'name':<{width}}  {'dtype':<13}  {'shape':<{shape_width}}  {'size':>9}"
    for row in range(count):
        yield (
            f"  {_name(table.name[row]):<{width}}  {shown(table.dtype_name(row)):<13}  "
            f"{shapes[int(table.form[row])]:<{shape_width}}  {bytes_for_people(int(table.nbytes[row])):>9}"
            f"{_note(checkpoint, facts, row)}"
        ).rstrip()
    yield from _more(table.listed, limit)


def _name(name: str) -> str:
    """A name on one line; an empty one can be seen, too."""
    return shown(name) or '""'


def _shape(shape: Sequence[int]) -> str:
    if len(shape) > 16:
        return f"[{', '.join(map(str, shape[:16]))}, … {len(shape)} axes]"
    return f"[{', '.join(map(str, shape))}]"


def _note(checkpoint: Checkpoint, facts: TensorFacts, row: int) -> str:
    """What is special about a tensor, in a few words."""
    table = checkpoint.table
    flags = int(table.flags[row])
    notes = []
    if flags & Flag.OUT_OF_BOUNDS:
        notes.append("reaches past its bytes")
    if flags & Flag.INCOMPLETE:
        notes.append("a part is missing")
    if flags & (Flag.SPARSE | Flag.NESTED):
        notes.append(shown(str(table.extra_of(row).get("layout", "nested")).removeprefix("torch.")))
    if flags & Flag.META:
        notes.append("meta, no values")
    if flags & Flag.QUANTISED:
        notes.append("quantised")
    if flags & Flag.SUBCLASS:
        notes.append(shown(str(table.extra_of(row).get("class", "subclass"))))
    tie = int(checkpoint.tree.tie[row])
    if tie >= 0 and tie != row:
        notes.append(f"tied to {shown(table.name[tie])}")
    elif tie < 0 and int(table.storage[row]) in facts.sharing:
        notes.append("shares its storage")
    return "  " + ", ".join(notes) if notes else ""


def _more(count: int, limit: int | None) -> Iterator[str]:
    if limit is not None and count > limit:
        yield f"  … {count - limit:,} more, --all shows them"


def _columns(head: Sequence[str], rows: Sequence[Sequence[str]], right: Iterable[int]) -> Iterator[str]:
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    to_the_right = set(right)
    for row in (head, *rows):
        cells = [
            cell.rjust(width) if i in to_the_right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  " + "  ".join(cells).rstrip()
