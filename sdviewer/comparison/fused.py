"""Fused projections: q, k and v as three tensors on one side and as one on the other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sdviewer.comparison.sides import Side

# Names of one projection, and of all three in one, as the last module or parameter name.
_PARTS = re.compile(r"^(q|k|v|query|key|value)(_proj|_lin|_layer)?$|^(to|w|W)_?(q|k|v)$|^(q|k|v)_proj_weight$")
_LETTER = {"q": 0, "query": 0, "k": 1, "key": 1, "v": 2, "value": 2}
_WHOLE = re.compile(r"^(qkv|c_attn|query_key_value|Wqkv|wqkv|W_pack|in_proj|qkv_proj|to_qkv|attn_qkv)$")
_OWN_PARAMETER = re.compile(r"^in_proj_(weight|bias)$")

_Found = tuple[tuple[tuple[int, int], ...], int]


def fused_parts(small: Side, left_small: Sequence[int], large: Side, left_large: Sequence[int]) -> Iterator[_Found]:
    """((place, rows) of q, k and v, place of the fused tensor), where names and rows fit and nothing is doubtful."""
    wholes: dict[tuple[str, str], list[int]] = {}
    for place in left_large:
        for site in _site_of_whole(large.keys[place]):
            wholes.setdefault(site, []).append(place)
    if not wholes:
        return
    parts: dict[tuple[str, str], dict[int, list[int]]] = {}
    for place in left_small:
        if (found := _site_of_part(small.keys[place])) is not None:
            site, letter = found
            parts.setdefault(site, {}).setdefault(letter, []).append(place)
    shape_of, shapes = small.shapes
    whole_of, whole_shapes = large.shapes
    for site, letters in parts.items():
        places = wholes.get(site, [])
        if len(places) != 1 or sorted(letters) != [0, 1, 2] or any(len(found) != 1 for found in letters.values()):
            continue
        whole = whole_shapes[whole_of[places[0]]]
        order = [letters[letter][0] for letter in (0, 1, 2)]
        of_parts = [shapes[shape_of[place]] for place in order]
        if not whole or any(len(shape) != len(whole) or shape[1:] != whole[1:] for shape in of_parts):
            continue
        if sum(shape[0] for shape in of_parts) == whole[0]:
            yield tuple((place, shape[0]) for place, shape in zip(order, of_parts, strict=True)), places[0]


def _site_of_whole(key: str) -> Iterator[tuple[str, str]]:
    """(where, parameter) of a fused tensor: `attn.qkv.weight` stands in `attn` and is a weight."""
    *path, last = key.split(".")
    if (own := _OWN_PARAMETER.match(last)) is not None:
        yield ".".join(path), own[1]
    elif path and _WHOLE.match(path[-1]):
        yield ".".join(path[:-1]), last


def _site_of_part(key: str) -> tuple[tuple[str, str], int] | None:
    *path, last = key.split(".")
    if last.endswith("_proj_weight") and last[0] in _LETTER:
        return (".".join(path), "weight"), _LETTER[last[0]]
    if not path or (found := _PARTS.match(path[-1])) is None:
        return None
    letter = found[1] or found[4] or found[5]
    return (".".join(path[:-1]), last), _LETTER[letter]
