"""`info --json`: a checkpoint as one document, written in pieces, a tensor a line.

Rows are put together from texts that repeat (shapes, dtypes) and columns, not from a dictionary
each: a hundred thousand tensors take a few tenths of a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.facts import TensorFacts, places
from sdviewer.checkpoint.json_text import SCHEMA, text_to_json, to_json
from sdviewer.checkpoint.metadata import metadata_of
from sdviewer.checkpoint.names import decode_path
from sdviewer.checkpoint.table import Flag

_ROWS_A_PIECE = 2_000
# A storage that ten thousand tensors share would else be told a hundred million times.
_MOST_SHARERS = 32
_ROLES = ('"unknown"', '"parameter"', '"buffer"')


def info_pieces(checkpoint: Checkpoint) -> Iterator[str]:
    """The document, to be written one piece after the other."""
    yield (
        f'{{"schema": {SCHEMA}, "path": {to_json(checkpoint.path)}, "format": {to_json(checkpoint.format)}, '
        f'"file_bytes": {checkpoint.file_bytes},\n"tensors": ['
    )
    separator = "\n"
    tensors = _tensor_rows(checkpoint)
    while rows := list(islice(tensors, _ROWS_A_PIECE)):
        yield separator + ",\n".join(rows)
        separator = ",\n"
    yield "]"
    for name, value in _rest(checkpoint):
        yield f",\n{to_json(name)}: {to_json(value)}"
    yield "}\n"


def _rest(checkpoint: Checkpoint) -> Iterable[tuple[str, Any]]:
    description = checkpoint.description
    yield (
        "sections",
        [
            {
                "name": section.name,
                "path": section.path,
                "kind": section.kind,
                "tensors": len(section.rows),
                "parameters": section.parameters,
                "bytes": section.nbytes,
            }
            for section in checkpoint.sections.values()
        ],
    )
    yield "metadata", metadata_of(description)
    yield "globals", [{"name": use.name, "class": use.klass} for use in checkpoint.globals]
    yield "torch_lines", list(description.torch_lines)
    yield (
        "shards",
        [
            {"file": shard.file, "tensors": shard.tensors, "bytes": shard.nbytes, "status": shard.status}
            for shard in checkpoint.shards
        ],
    )
    yield "duplicates", [{"name": entry.name, "where": entry.where} for entry in checkpoint.duplicates]
    yield "texts", [{"name": text.name, "bytes": text.nbytes} for text in description.texts]
    yield "unshown_bytes", description.unshown_bytes
    yield (
        "problems",
        [
            {"kind": problem.kind, "severity": problem.severity, "message": problem.message, "where": problem.where}
            for problem in checkpoint.problems
        ],
    )


def _tensor_rows(checkpoint: Checkpoint) -> Iterator[str]:
    table = checkpoint.table
    facts = TensorFacts(checkpoint)
    names = [text_to_json(name) for name in table.name.tolist()[: table.listed]]
    forms = _form_texts(checkpoint)
    storages = _storage_texts(checkpoint)
    sharing = facts.sharing
    sections = {name: to_json(name) for name in (*checkpoint.sections, None)}
    kinds = {kind: to_json(kind) for kind in set(facts.kind)}
    dtypes: dict[int, str] = {}
    columns = zip(
        names,
        facts.section,
        facts.kind,
        checkpoint.tree.role.tolist(),
        table.dtype.tolist(),
        table.form.tolist(),
        table.nbytes.tolist(),
        table.offset.tolist(),
        table.flags.tolist(),
        table.storage.tolist(),
        table.extra.tolist(),
        strict=False,  # the columns of the table go on with components
    )
    for row, (name, section, kind, role, dtype, form, nbytes, first, flags, storage, extra) in enumerate(columns):
        if dtype not in dtypes:
            dtypes[dtype] = to_json(table.dtype_of(row).name)
        grad = _grad_text(flags)
        shared = _sharers(names, sharing[storage], row) if storage in sharing else ""
        place = f'{storages[storage]}, "shared_with": [{shared}]}}' if storage >= 0 else "null"
        more = "" if extra < 0 else _extra_text(checkpoint, row)
        yield (
            f'{{"path": {_path_text(checkpoint, name, row)}, "name": {name}, "section": {sections[section]}, '
            f'"kind": {kinds[kind]}, "role": {_ROLES[role]}, "dtype": {_dtype_text(checkpoint, row, extra, dtypes)}, '
            f'{forms[form]}, "nbytes": {nbytes}, "requires_grad": {grad}, "storage_offset": {first}, '
            f'"storage": {place}{more}}}'
        )


def _grad_text(flags: int) -> str:
    if not flags & Flag.GRAD_KNOWN:
        return "null"
    return "true" if flags & Flag.REQUIRES_GRAD else "false"


def _dtype_text(checkpoint: Checkpoint, row: int, extra: int, known: dict[int, str]) -> str:
    return to_json(checkpoint.table.dtype_name(row)) if extra >= 0 else known[int(checkpoint.table.dtype[row])]


def _sharers(names: list[str], rows: list[int], row: int) -> str:
    others = [names[other] for other in rows[: _MOST_SHARERS + 1] if other != row][:_MOST_SHARERS]
    if (rest := len(rows) - 1 - len(others)) > 0:
        others.append(f'{{"$more": {rest}}}')
    return ", ".join(others)


def _form_texts(checkpoint: Checkpoint) -> list[str]:
    forms = checkpoint.table.forms
    return [
        f'"shape": {list(forms.shape_of(form))}, "stride": {list(forms.stride_of(form))}, "numel": {numel}'
        for form, numel in enumerate(forms.numel.tolist())
    ]


def _storage_texts(checkpoint: Checkpoint) -> list[str]:
    """All but the end of each storage's object."""
    storages = checkpoint.table.storages
    files, begins = places(checkpoint.sources.specs)
    file_texts = [to_json(file) for file in files]
    offsets = (storages.offset + begins[storages.source]).tolist()
    columns = zip(storages.source.tolist(), offsets, storages.nbytes.tolist(), strict=True)
    return [
        f'{{"id": {index}, "file": {file_texts[source]}, "offset": {offset if source >= 0 else "null"}, '
        f'"nbytes": {nbytes}'
        for index, (source, offset, nbytes) in enumerate(columns)
    ]


def _path_text(checkpoint: Checkpoint, name: str, row: int) -> str:
    """The path as JSON; `name` is the canonical name as JSON."""
    if checkpoint.description.root == "tensor":
        return "[]"
    if checkpoint.description.structure.plain_keys:
        return f"[{name}]"
    # Escapes and indices are few; a name without them is split as it is, JSON escapes and all.
    if "~" in name or "[" in name:
        return "[" + ", ".join(map(_part_text, checkpoint.table.name[row].split("/"))) + "]"
    return "[" + name.replace("/", '", "') + "]"


def _part_text(part: str) -> str:
    if part.startswith("[") and part.endswith("]") and part[1:-1].isdecimal() and part.isascii():
        return str(int(part[1:-1]))
    (decoded,) = decode_path(part)
    return to_json(decoded)


def _extra_text(checkpoint: Checkpoint, row: int) -> str:
    """The rare facts: what a sparse, nested or quantised tensor consists of."""
    table = checkpoint.table
    facts = {name: fact for name, fact in table.extra_of(row).items() if name not in {"components", "dtype"}}
    parts = {
        part: {
            "dtype": table.dtype_name(place),
            "shape": list(table.shape_of(place)),
            "nbytes": int(table.nbytes[place]),
        }
        for part, place in table.components(row).items()
    }
    if parts:
        facts["components"] = parts
    return f', "extra": {to_json(facts)}' if facts else ""
