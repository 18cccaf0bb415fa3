"""Remembering channels: what health wants to know of them, kept beside the statistics of a file."""

from __future__ import annotations

import json
import struct

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.channel_table import ChannelTable, Told
from sdviewer.analysis.remembering import Remembered

Int64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_KIND = "channels"
_HEAD = struct.Struct("<QQ")  # rows that were looked at, those of them that have channels
_INTEGERS, _FLOATS = ("size", "dead", "nonfinite"), ("spread", "variation")


def keep_channels(known: Remembered, channels: ChannelTable, looked_at: Mask) -> None:
    """Remember what was found of the channels of the rows that were looked at; a disk that is full is no error."""

    def told(rows: Int64) -> bytes:
        places = np.flatnonzero(looked_at[rows])
        having = places[channels.size[rows[places]] > 0]
        columns = [getattr(channels, name)[rows[having]] for name in (*_INTEGERS, *_FLOATS)]
        which = {
            place: [found.dead, found.nonfinite, found.maybe_equal]
            for place in having.tolist()
            if (found := channels.told.get(int(rows[place]))) is not None
        }
        arrays = b"".join(np.ascontiguousarray(array).tobytes() for array in (places, having, *columns))
        return _HEAD.pack(len(places), len(having)) + arrays + json.dumps(which).encode()

    known.keep_further(_KIND, told)


def recall_channels(known: Remembered, rows: int) -> tuple[ChannelTable, Mask]:
    """What is remembered as a table of so many rows, and which of them were looked at."""
    channels, looked_at = ChannelTable(rows), np.zeros(rows, np.bool_)
    for of_file, body in known.further(_KIND):
        _unpack(body, of_file, channels, looked_at)
    return channels, looked_at


def _unpack(body: bytes, rows: Int64, channels: ChannelTable, looked_at: Mask) -> None:
    """Take over an entry; one that is odd is passed over."""
    try:
        count, having = _HEAD.unpack_from(body)
        size = _HEAD.size + 8 * (count + having * (1 + len(_INTEGERS) + len(_FLOATS)))
        if max(count, having) > len(rows) or size > len(body):
            return
        places = np.frombuffer(body, np.int64, count, _HEAD.size)
        numbers = np.frombuffer(body, np.int64, having * (1 + len(_INTEGERS)), _HEAD.size + 8 * count)
        own = numbers[:having]
        if any(len(part) and not 0 <= int(part.min()) <= int(part.max()) < len(rows) for part in (places, own)):
            return
        at = size - 8 * having * len(_FLOATS)
        floats = np.frombuffer(body, np.float64, having * len(_FLOATS), at).reshape(len(_FLOATS), having)
        told = {
            int(rows[int(place)]): Told(tuple(dead), tuple(nonfinite), tuple(map(tuple, equal)))
            for place, (dead, nonfinite, equal) in json.loads(body[size:]).items()
        }
    except (ValueError, struct.error, RecursionError, IndexError, TypeError, AttributeError):
        return
    for name, column in zip(_INTEGERS, numbers.reshape(-1, having)[1:], strict=True):
        getattr(channels, name)[rows[own]] = column
    for name, values in zip(_FLOATS, floats, strict=True):
        getattr(channels, name)[rows[own]] = values
    channels.told |= told
    looked_at[rows[places]] = True
