"""JSON notes: a small file of JSON beside a checkpoint as nodes of its structure, bounded in all that it may cost."""

from __future__ import annotations

import json
from typing import Any

from sdviewer.checkpoint.document import Description
from sdviewer.checkpoint.names import encode_part
from sdviewer.checkpoint.source import ByteSource, read_bytes
from sdviewer.checkpoint.structure import Node, StructureBuilder
from sdviewer.checkpoint.table import TableBuilder
from sdviewer.checkpoint.wording import bytes_for_people
from sdviewer.errors import Damaged, LimitExceeded
from sdviewer.formats.companion_names import LARGEST_NOTE
from sdviewer.formats.shard_index import BYTES_A_BRACKET, add_metadata

# Of a list or an object; the history of losses comes before other facts, which must not be cut off behind it.
_MOST_CHILDREN = 10_000
_MOST_NODES = 100_000


def read_note(source: ByteSource) -> Any:
    """The value of a file of JSON; NaN and infinities are strings.

    Raises:
        LimitExceeded: it is larger than an honest one.
        Damaged: it is no JSON, or made to do harm.

    """
    if source.size > LARGEST_NOTE:
        size = bytes_for_people(source.size)
        raise LimitExceeded(f"is no such note: it has {size}, and is not read", file=source.label)
    text = read_bytes(source, 0, source.size)
    if (text.count(b"[") + text.count(b"{")) * BYTES_A_BRACKET > len(text) + 65_536:
        raise Damaged("is made of brackets, and is not read", file=source.label)
    try:
        return json.loads(text, parse_constant=str)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]
        raise Damaged(f"is no JSON: {reason}", file=source.label) from error


def note_of(name: str, value: Any) -> Description:
    """A description without tensors whose root holds `value` as `name`; what is deep or long is cut and says so."""
    builder = StructureBuilder()
    root = builder.open("", Node.MAPPING, -1, "dict")
    add_metadata(builder, root, encode_part(name), value, children=_MOST_CHILDREN, nodes=_MOST_NODES)
    builder.close(root)
    return Description(format="json", tensors=TableBuilder().finish((), ()), structure=builder.finish(plain_keys=True))
