"""Paths and canonical names: two spellings of where a tensor stands in its file.

A path is the tuple of keys and indices. Its canonical name joins the parts with "/": string
parts with the escapes of RFC 6901 (`~0` for "~", `~1` for "/"), a string that begins with "["
with `~2` for it, any other part as `[3]`, `[None]`, `[1.5]`. In a file that is one bare
state_dict the name is the plain key.
"""

from __future__ import annotations

import ast
from typing import Any

Path = tuple[Any, ...]


def encode_part(part: Any) -> str:
    """One part of a path as it stands in a canonical name."""
    if isinstance(part, str):
        text = part.replace("~", "~0").replace("/", "~1") if "~" in part or "/" in part else part
        return "~2" + text[1:] if text.startswith("[") else text
    return "[" + repr(part).replace("~", "~0").replace("/", "~1") + "]"


def decode_part(text: str) -> Any:
    """The part that `encode_part` wrote so; a text that it cannot have written stays a string."""
    if text.startswith("[") and text.endswith("]"):
        inner = _unescape(text[1:-1])
        try:
            return _literal(inner)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return text
    if text.startswith("~2"):
        return "[" + _unescape(text[2:])
    return _unescape(text)


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except ValueError:
        # Python writes "inf" and "nan" for numbers, alone or in a tuple, and does not read them back.
        return ast.literal_eval(_NamedNumbers().visit(ast.parse(text, mode="eval")))


class _NamedNumbers(ast.NodeTransformer):
    def visit_Name(self, node: ast.Name) -> ast.AST:  # ast calls it so
        return ast.Constant(float(node.id)) if node.id in ("inf", "nan") else node


def _unescape(text: str) -> str:
    return text.replace("~1", "/").replace("~0", "~") if "~" in text else text


def encode_path(path: Path) -> str:
    """The canonical name of a path."""
    return "/".join([encode_part(part) for part in path])


def decode_path(name: str) -> Path:
    """The path of a canonical name; `""` is the path of one empty key."""
    return tuple(decode_part(part) for part in name.split("/"))
