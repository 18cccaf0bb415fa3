"""Pickles that run code when Python loads them. Each leaves a mark: a file that must not appear.

`ATTACKS` gives name → a pickle that would make the file at a path. `PLACES` gives name → a writer that
puts a pickle where a checkpoint may hold one.
"""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tests.helpers.opcodes as op
from tests.helpers import containers

# Registered by whoever loads the attacks: extension code → global.
EXTENSIONS = {0x71: ("os", "system"), 0x7171: ("posix", "system"), 0x717171: ("builtins", "exec")}

SYSTEM = op.named("os", "system")


def shell(mark: str) -> str:
    return f"echo > '{mark}'"


def code(mark: str) -> str:
    return f"open({mark!r}, 'w').close()"


def by_system(mark: str) -> bytes:
    """The opcodes that call os.system and leave its result."""
    return op.called(SYSTEM, op.text(shell(mark)))


class _Reduced:
    """An object whose pickle calls a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = (function, arguments)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self._call


def _dumped(protocol: int) -> Callable[[str], bytes]:
    return lambda mark: pickle.dumps({"weight": _Reduced(os.system, shell(mark))}, protocol)


def _of(*pieces: bytes | Callable[[str], bytes], protocol: int = 4) -> Callable[[str], bytes]:
    """A program of opcodes, some of which are made when the mark is known."""
    return lambda mark: op.program(*[p if isinstance(p, bytes) else p(mark) for p in pieces], protocol=protocol)


def _command(mark: str) -> bytes:
    return op.text(shell(mark))


def _code(mark: str) -> bytes:
    return op.text(code(mark))


def _around(before: bytes, after: bytes) -> Callable[[str], bytes]:
    """A call of os.system between two pieces."""
    return _of(before, by_system, after)


def _getattr(target: bytes, name: str) -> bytes:
    return op.called(op.named("builtins", "getattr"), target, op.text(name))


def _inner_pickle(mark: str) -> bytes:
    raw = _dumped(2)(mark)
    return b"C" + bytes([len(raw)]) + raw


_REBUILD = op.named("torch._utils", "_rebuild_tensor_v2")
_NAMESPACE = op.named("argparse", "Namespace") + b")\x81"

ATTACKS: Mapping[str, Callable[[str], bytes]] = {
    **{f"reduce, protocol {protocol}": _dumped(protocol) for protocol in range(6)},
    # each opcode that calls
    "exec": _of(op.named("builtins", "exec"), _code, b"\x85R"),
    "eval": _of(op.named("builtins", "eval"), _code, b"\x85R"),
    "exec by its name in Python 2": _of(op.named("__builtin__", "eval"), _code, b"\x85R", protocol=2),
    "STACK_GLOBAL": _of(b"\x8c\x02os\x8c\x06system\x93", _command, b"\x85R"),
    "INST": _of(b"(", _command, b"ios\nsystem\n"),
    "OBJ": _of(b"(", SYSTEM, _command, b"o"),
    # Only classes are made by these two: bytes goes through a map of os.system.
    "NEWOBJ": _of(
        op.named("builtins", "bytes"), op.named("builtins", "map"), SYSTEM, b"](", _command, b"e\x86\x81\x85\x81"
    ),
    "NEWOBJ_EX": _of(
        op.named("builtins", "bytes"), op.named("builtins", "map"), SYSTEM, b"](", _command, b"e\x86}\x92\x85}\x92"
    ),
    "Popen": _of(op.named("subprocess", "Popen"), b"(", _command, b"J\xff\xff\xff\xffNNNNN\x89\x88tR"),
    "EXT1": _of(b"\x82\x71", _command, b"\x85R"),
    "EXT2": _of(b"\x83\x71\x71", _command, b"\x85R"),
    "EXT4": _of(b"\x84\x71\x71\x71\0", _code, b"\x85R"),
    "a state that is called": _of(
        _NAMESPACE, op.dict_of(op.text("__setstate__"), SYSTEM), b"b", _command, b"b"
    ),
    "an item that is called": _of(_NAMESPACE, op.dict_of(op.text("append"), SYSTEM), b"b", _command, b"a"),
    # chains that look harmless at each link
    "getattr of import": _of(
        _getattr(op.called(op.named("builtins", "__import__"), op.text("os")), "system"), _command, b"\x85R"
    ),
    "getattr of getattr": _of(
        _getattr(_getattr(op.called(op.named("importlib", "import_module"), op.text("torch.serialization")), "os"),
                 "system"),
        _command, b"\x85R",
    ),
    "attrgetter": _of(
        op.called(op.called(op.named("operator", "attrgetter"), op.text("system")),
                  op.called(op.named("importlib", "import_module"), op.text("os"))),
        _command, b"\x85R",
    ),
    "partial": _of(op.named("functools", "partial"), SYSTEM, _command, b"\x86R)R"),
    "map inside set": _of(
        op.named("builtins", "set"), op.named("builtins", "map"), SYSTEM, b"](", _command, b"e\x86R\x85R"
    ),
    "map inside deque": _of(
        op.named("collections", "deque"), op.named("builtins", "map"), SYSTEM, b"](", _command, b"e\x86R\x85R"
    ),
    "a dotted name through torch": _of(
        op.text("torch.serialization"), op.text("os.system"), b"\x93", _command, b"\x85R"
    ),
    "a dotted name through torch.optim": _of(
        op.text("torch.optim"), op.text("lr_scheduler.types.FunctionType"), b"\x930",
        op.text("torch.nn.modules.module"), op.text("warnings.sys.modules.__class__"), b"\x930", by_system,
    ),
    "a pickle inside a pickle": _of(op.named("pickle", "loads"), _inner_pickle, b"\x85R"),
    "torch's own loader of bytes": _of(
        op.named("pickle", "loads"), _inner_pickle, b"\x85R0", op.named("torch.storage", "_load_from_bytes"),
    ),
    "code that is timed": _of(op.named("timeit", "timeit"), _code, op.text("pass"), b"\x86R"),
    "code that is profiled": _of(op.named("cProfile", "run"), _code, b"\x85R"),
    # a call hidden inside what torch allows
    "inside the arguments of a tensor": _around(
        _REBUILD + b"(", b"K\0)" + b")\x89" + op.called(op.named("collections", "OrderedDict")) + b"t0"
    ),
    "a call as a tensor's rebuild function": _of(
        op.named("torch._tensor", "_rebuild_from_type_v2"), b"(", SYSTEM, op.named("builtins", "int"), _command,
        b"\x85NtR",
    ),
    "inside an OrderedDict": _of(
        op.named("collections", "OrderedDict"), b"](](", op.text("weight"), by_system, b"ee\x85R"
    ),
    "inside a defaultdict": _of(
        op.named("collections", "defaultdict"), SYSTEM, b"\x85R0", by_system
    ),
    "inside an array": _around(op.named("numpy._core.multiarray", "_reconstruct"), b"\x850"),
    "as text to be encoded": _of(op.named("_codecs", "encode"), b"(", by_system, b"t0"),
    "as a state": _of(op.named("collections", "OrderedDict"), b")R}", op.text("_metadata"), by_system, b"sb"),
    # places where it may be overlooked
    "as a key": _around(b"}", b"Ns"),
    "as a member of a set": _around(b"\x8f(", b"\x90"),
    "called and thrown away": _around(b"", b"0}"),
    "thrown away with a mark": _around(b"(", b"1}"),
    "in the memo alone": _around(b"", b"q\x010}"),
    "before a broken end": lambda mark: b"\x80\x04" + by_system(mark) + b"\xff",
    "as a persistent id": _around(op.text("storage"), b"\x86Q"),
    "as the class of a storage": _of(
        b"(", op.text("storage"), by_system, op.text("0"), op.text("cpu"), op.number(4), b"tQ"
    ),
    "as a module with source code": _of(
        b"(", op.text("module"), by_system, op.text("file.py"), op.text("import os"), b"tQ"
    ),
    "deep inside": _around(b"](" * 40, b"e" * 40),
    "beside tensors": lambda mark: op.program(
        op.dict_of(op.text("x"), by_system(mark), op.text("w"), op.plain_tensor())
    ),
}  # fmt: skip


def _npz(path: Path, value: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", containers.object_npy(value))


def _legacy(part: str) -> Callable[[Path, bytes], None]:
    def write(path: Path, value: bytes) -> None:
        if part == "value":
            containers.torch_legacy(path, value)
        else:
            containers.torch_legacy(path, BENIGN, **{part: value})

    return write


def _tar(member: str) -> Callable[[Path, bytes], None]:
    return lambda path, value: containers.torch_tar(path, **{"value": BENIGN_TAR, member: value})


def _bare(path: Path, value: bytes) -> None:
    path.write_bytes(value)


def _npy(path: Path, value: bytes) -> None:
    path.write_bytes(containers.object_npy(value))


def _deflated(path: Path, value: bytes) -> None:
    containers.torch_zip(path, value, deflated=True)


def _constants(path: Path, value: bytes) -> None:
    containers.torchscript(path, BENIGN, value)


BENIGN = op.program(
    op.dict_of(op.text("weight"), op.plain_tensor(), op.text("epoch"), op.number(3), op.text("names"), op.list_of())
)
BENIGN_TAR = op.program(op.dict_of(op.text("epoch"), op.number(3)))

PLACES: Mapping[str, Callable[[Path, bytes], None]] = {
    "plain pickle": _bare,
    "torch zip": containers.torch_zip,
    "torch zip, deflated": _deflated,
    **{f"legacy, {part}": _legacy(part) for part in ("magic", "protocol", "system", "value", "keys")},
    "torchscript, data": containers.torchscript,
    "torchscript, constants": _constants,
    **{f"tar, {member}": _tar(member) for member in ("value", "tensors", "storages")},
    "npy of objects": _npy,
    "npz of objects": _npz,
    "nested archive": containers.nested,
    "shard of a folder": containers.folder_of_shards,
}
