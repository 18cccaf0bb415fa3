"""The one place that turns results into JSON: plain ASCII, and nothing that JSON does not have.

NaN and infinities become strings, lone surrogates escapes, complex numbers `{"$complex": [re, im]}`.
"""

from __future__ import annotations

import json
import math
from typing import Any

SCHEMA = 1

text_to_json = json.JSONEncoder().encode


def to_json(value: Any) -> str:
    """One line of JSON."""
    try:
        return json.dumps(value, allow_nan=False, default=_plain)
    except ValueError:
        return json.dumps(_finite(value), allow_nan=False, default=_plain)


def document(**fields: Any) -> str:
    """A whole document of the current schema."""
    return to_json({"schema": SCHEMA, **fields})


def _plain(value: Any) -> Any:
    if isinstance(value, complex):
        return {"$complex": [value.real, value.imag]}
    if isinstance(value, bytes):
        return {"$bytes": len(value)}
    return {"$opaque": f"{type(value).__module__}.{type(value).__qualname__}", "args": [repr(value)], "state": {}}


def _finite(value: Any) -> Any:
    match value:
        case float():
            return value if math.isfinite(value) else "NaN" if math.isnan(value) else _infinity(value)
        case complex():
            return {"$complex": [_finite(value.real), _finite(value.imag)]}
        case dict():
            return {key: _finite(item) for key, item in value.items()}
        case list() | tuple():
            return [_finite(item) for item in value]
    return value


def _infinity(value: float) -> str:
    return "Infinity" if value > 0 else "-Infinity"
