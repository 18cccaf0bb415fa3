"""State dicts as the libraries that quantise models save them, and their values by the published formulas.

The formulas are written here value by value, out of the papers and libraries, and share nothing with the engine.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

Floats = npt.NDArray[np.float32]

# bitsandbytes/functional.py, get_4bit_type, and create_fp4_map: what each code of four bits stands for.
_NF4 = """
    -1.0 -0.6961928009986877 -0.5250730514526367 -0.39491748809814453 -0.28444138169288635 -0.18477343022823334
    -0.09105003625154495 0.0 0.07958029955625534 0.16093020141124725 0.24611230194568634 0.33791524171829224
    0.44070982933044434 0.5626170039176941 0.7229568362236023 1.0
"""
_FP4 = """
    0 0.005208333333 0.66666667 1.0 0.33333333 0.5 0.16666667 0.25
    -0.0 -0.005208333333 -0.66666667 -1.0 -0.33333333 -0.5 -0.16666667 -0.25
"""
BOOKS = {name: np.array(text.split(), np.float32) for name, text in (("nf4", _NF4), ("fp4", _FP4))}


def four_bits(
    name: str, shape: tuple[int, ...], kind: str, *, nested: bool, blocksize: int = 64, seed: int = 0
) -> tuple[dict[str, torch.Tensor], Floats]:
    """A weight of bitsandbytes' 4-bit linear layers, and the values that it stands for."""
    random = np.random.default_rng(seed)
    numel = int(np.prod(shape))
    codes = random.integers(0, 16, numel, np.uint8)
    padded = np.append(codes, np.zeros(numel % 2, np.uint8))
    blocks = -(-numel // blocksize)
    state: dict[str, Any] = {"quant_type": kind, "blocksize": blocksize, "dtype": "bfloat16", "shape": list(shape)}
    tensors = {name: torch.from_numpy((padded[0::2] << 4) | padded[1::2]).reshape(-1, 1)}
    if nested:
        nested_blocksize, offset = 4, 0.0417
        absmax_codes = random.integers(0, 256, blocks, np.uint8)
        absmax_map = np.linspace(-1, 1, 256).astype(np.float32)
        absmax_of = random.uniform(0.01, 0.1, -(-blocks // nested_blocksize)).astype(np.float32)
        absmax = [
            float(absmax_map[code]) * float(absmax_of[i // nested_blocksize]) + offset
            for i, code in enumerate(absmax_codes.tolist())
        ]
        state |= {"nested_blocksize": nested_blocksize, "nested_dtype": "float32", "nested_offset": offset}
        tensors[f"{name}.absmax"] = torch.from_numpy(absmax_codes)
        tensors[f"{name}.nested_absmax"] = torch.from_numpy(absmax_of)
        tensors[f"{name}.nested_quant_map"] = torch.from_numpy(absmax_map)
    else:
        plain = random.uniform(0.01, 2.0, blocks).astype(np.float32)
        absmax = plain.tolist()
        tensors[f"{name}.absmax"] = torch.from_numpy(plain)
    tensors[f"{name}.quant_map"] = torch.from_numpy(BOOKS[kind].copy())
    text = json.dumps(state).encode()
    tensors[f"{name}.quant_state.bitsandbytes__{kind}"] = torch.tensor(list(text), dtype=torch.uint8)
    values = [float(BOOKS[kind][code]) * absmax[i // blocksize] for i, code in enumerate(codes.tolist())]
    return tensors, np.array(values, np.float32).reshape(shape)


def int8(name: str, shape: tuple[int, int], seed: int = 0) -> tuple[dict[str, torch.Tensor], Floats]:
    """A module of bitsandbytes' 8-bit linear layers, and the values of its weight."""
    random = np.random.default_rng(seed)
    codes = random.integers(-127, 128, shape, np.int8)
    largest = random.uniform(0.5, 3, shape[0]).astype(np.float32)
    values = np.array(
        [[float(code) * float(top) / 127 for code in row] for row, top in zip(codes, largest, strict=True)]
    )
    tensors = {
        f"{name}.weight": torch.from_numpy(codes),
        f"{name}.SCB": torch.from_numpy(largest),
        f"{name}.weight_format": torch.tensor(0, dtype=torch.uint8),
    }
    return tensors, values.astype(np.float32)


def fp8(
    name: str, shape: tuple[int, ...], scale: torch.Tensor, ending: str, tile: tuple[int, int], seed: int = 0
) -> tuple[dict[str, torch.Tensor], Floats]:
    """A weight of float8 with a scale for each tile, and its values."""
    generator = torch.Generator().manual_seed(seed)
    weight = (torch.randn(shape, generator=generator) * 50).to(torch.float8_e4m3fn)
    stored, tiles = weight.float().numpy(), scale.float().numpy()
    values = np.empty(shape, np.float32)
    for index in np.ndindex(shape):
        *stack, row, column = index
        place = (*stack, row // tile[0], column // tile[1])
        values[index] = stored[index] * tiles[place if tiles.ndim > 1 else row if tiles.size > 1 else ...].item()
    return {name: weight, f"{name}{ending}": scale}, values
