"""Small files that would exhaust the memory, recursion or time of a naive reader, or lie about sizes."""

from __future__ import annotations

import pickle
import struct
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import tests.helpers.opcodes as op
from tests.helpers.containers import FOUR_FLOATS, torch_legacy, torch_zip

ORDERED_DICT = op.named("collections", "OrderedDict")
# Enough that each element cannot be visited for each reference to it: 40,000 · 40,000 steps never end.
MANY = 40_000


def laughs(levels: int = 60, *, pair: bytes = b"\x86") -> bytes:
    """Leaves the top of a tower whose every level holds the one below twice."""
    steps = b"".join(op.get(i) + op.get(i) + pair + op.put(i + 1) + b"0" for i in range(levels))
    return op.EMPTY_LIST + op.put(0) + b"0" + steps + op.get(levels)


def numbered(count: int, body: Callable[[bytes], bytes]) -> bytes:
    """A dict of `count` entries: key i → what `body` makes of its key."""
    entries = b"".join(body(b"J" + struct.pack("<i", i)) for i in range(count))
    return op.EMPTY_DICT + op.MARK + entries + b"u"


def big_list(count: int = MANY) -> bytes:
    """A list of as many small numbers, remembered as 200."""
    return op.EMPTY_LIST + op.put(200) + op.MARK + b"K\x01" * count + b"e" + op.POP


def long_text(size: int = 64_000) -> bytes:
    """A text that is kept as a place in the file, remembered as 201."""
    return b"X" + struct.pack("<I", size) + b"a" * size + op.put(201) + op.POP


PICKLES: dict[str, Callable[[], bytes]] = {
    # the nine of the corpus
    "binbytes8 of 2**40": lambda: b"\x8e" + struct.pack("<Q", 1 << 40),
    "bytearray of 2**38": lambda: op.called(op.named("builtins", "bytearray"), op.number(1 << 38)),
    "a dict that holds itself": lambda: op.EMPTY_DICT + op.put(0) + op.text("self") + op.get(0) + b"s",
    "lists nested 500,000 deep": lambda: b"]" * 500_000 + b"a" * 499_999,
    "a key of tuples nested deep": lambda: op.EMPTY_DICT + b")" + b"\x85" * 3_000_000 + b"Ns",
    "doubled references": laughs,
    "a memo index of 2**30": lambda: op.EMPTY_LIST + op.put(0x3FFFFFFF),
    "a tensor past its storage": lambda: op.tensor(
        op.storage(numel=1 << 40), op.tuple_of(op.number(1 << 40)), op.tuple_of(op.number(1))
    ),
    "a storage size that BUILD changes": lambda: op.tensor(
        op.storage() + op.dict_of(op.text("numel"), op.number(1 << 60)) + b"b",
        op.tuple_of(op.number(4)),
        op.tuple_of(op.number(1)),
    ),
    # depth
    "dicts nested deep": lambda: b"}N" * 300_000 + b"}" + b"s" * 300_000,
    "tuples nested deep": lambda: b")" + b"\x85" * 2_000_000,
    "sets nested deep": lambda: b"\x8f(" * 300_000 + b"\x90" * 300_000,
    "frozensets nested deep": lambda: b"(" * 300_000 + b"\x91" * 300_000,
    "objects nested deep": lambda: op.named("a", "B") + op.put(0) + op.get(0) * 300_000 + b")" + b"\x85R" * 300_000,
    "states nested deep": lambda: op.called(op.named("a", "B")) + b"Nb" * 1_000_000,
    "states of states": lambda: (op.named("a", "B") + op.put(0) + b")R") + b"h\x00)R" * 300_000 + b"b" * 300_000,
    "marks alone": lambda: b"(" * 3_000_000,
    "marks and pops": lambda: b"(0" * 1_900_000 + b"N",
    "tuples of marks": lambda: b"(" * 1_000_000 + b"t" * 1_000_000,
    "rebuild functions inside each other": lambda: (
        op.named("torch._tensor", "_rebuild_from_type_v2") + op.put(0) + op.get(0) + op.get(0) + b"N)"
        + b"N(" + b"t" + (op.put(1) + op.POP)
        + b")" + (op.put(2) + op.POP + b"(h\x00h\x00h\x02Nt") * 50_000 + b"R"
    ),
    # doubled references where something is asked for text, copied or compared
    "laughs as the codec of bytes": lambda: op.called(op.named("_codecs", "encode"), op.text("x"), laughs()),
    "laughs as a storage key": lambda: op.tuple_of(
        op.text("storage"), op.named("torch", "FloatStorage"), laughs(), op.text("cpu"), op.number(4)
    ) + b"Q",
    "laughs as a location": lambda: op.tuple_of(
        op.text("storage"), op.named("torch", "FloatStorage"), op.text("0"), laughs(), op.number(4)
    ) + b"Q",
    "laughs as a layout": lambda: op.called(op.named("torch.serialization", "_get_layout"), laughs()),
    "laughs as a quantiser": lambda: op.called(
        op.named("torch._utils", "_rebuild_qtensor"), op.storage(), op.number(0), op.tuple_of(op.number(4)),
        op.tuple_of(op.number(1)), op.tuple_of(laughs(), op.number(1), op.number(1), op.number(0)), b"\x89", b"N",
    ),
    "laughs as a dtype": lambda: op.called(
        op.named("numpy.core.multiarray", "scalar"), op.called(op.named("numpy", "dtype"), laughs()), op.text("x")
    ),
    "laughs as the state of a tensor": lambda: op.plain_tensor() + laughs() + b"b",
    "laughs as a module name": lambda: laughs() + op.text("x") + b"\x93",
    "laughs of dicts": lambda: op.EMPTY_DICT + op.put(0) + b"0" + b"".join(
        b"}(K\x01" + op.get(i) + b"K\x02" + op.get(i) + b"u" + op.put(i + 1) + b"0" for i in range(60)
    ) + op.get(60),
    "laughs of modules": lambda: b"N" + op.put(0) + b"0" + b"".join(
        op.called(op.named("torch.nn.modules.container", "Sequential"))
        + op.dict_of(
            op.text("_parameters"), b"}", op.text("_buffers"), b"}",
            op.text("_modules"), b"}(" + op.text("a") + op.get(i) + op.text("b") + op.get(i) + b"u",
        ) + b"b" + op.put(i + 1) + b"0"
        for i in range(60)
    ) + op.get(60),
    "a long list shown again and again in a dict": lambda: big_list() + numbered(MANY, lambda key: key + op.get(200)),
    "a long tuple shown again and again in a dict": lambda: (
        b"(" + b"K\x01" * MANY + b"t" + op.put(200) + b"0" + numbered(MANY, lambda key: key + op.get(200))
    ),
    "a long text shown again and again in a dict": lambda: long_text() + numbered(MANY, lambda key: key + op.get(201)),
    "a long line shown again and again in a dict": lambda: (
        b"V" + b"a" * 200_000 + b"\n" + op.put(201) + b"0" + numbered(MANY, lambda key: key + op.get(201))
    ),
    "a long text as the key of each of many dicts": lambda: long_text() + numbered(
        MANY, lambda key: key + b"}" + op.get(201) + b"Ns"
    ),
    "long texts as keys, nested, with much inside": lambda: long_text() + b"}" + (op.get(201) + b"}") * 100 + numbered(
        MANY, lambda key: key + b"}"
    ).removeprefix(b"}") + b"s" * 100,
    "a long list copied again and again": lambda: (
        big_list() + op.named("builtins", "list") + op.put(202) + b"0" + b"]("
        + (op.get(202) + op.get(200) + b"\x85R") * MANY + b"e"
    ),
    "a long dict copied again and again": lambda: (
        numbered(MANY, lambda key: key + b"N") + op.put(200) + b"0" + ORDERED_DICT + op.put(202) + b"0" + b"]("
        + (op.get(202) + op.get(200) + b"\x85R") * MANY + b"e"
    ),
    "a long set copied again and again": lambda: (
        big_list() + op.named("builtins", "set") + op.put(202) + b"0" + b"]("
        + (op.get(202) + op.get(200) + b"\x85R") * MANY + b"e"
    ),
    "a long text encoded again and again": lambda: (
        b"V" + b"a" * 500_000 + b"\n" + op.put(200) + b"0" + op.named("_codecs", "encode") + op.put(202) + b"0" + b"]("
        + (op.get(202) + op.get(200) + b"\x85R") * MANY + b"e"
    ),
    "a long list as the shape of many tensors": lambda: (
        big_list() + op.storage() + op.put(203) + b"0" + op.named("torch._utils", "_rebuild_tensor_v2") + op.put(202)
        + b"0" + b"]("
        + (op.get(202) + b"(" + op.get(203) + b"K\0" + op.get(200) + op.get(200) + b"\x89NtR") * MANY + b"e"
    ),
    "a long list as the scales of many quantised tensors": lambda: (
        big_list() + op.storage() + op.put(203) + b"0" + op.named("torch._utils", "_rebuild_qtensor") + op.put(202)
        + b"0(" + op.text("per_channel_affine") + op.get(200) + op.get(200) + b"K\0t" + op.put(204) + b"0" + b"]("
        + (op.get(202) + b"(" + op.get(203) + b"K\0)" + b")" + op.get(204) + b"\x89NtR") * MANY + b"e"
    ),
    "a long list as the shape of many arrays": lambda: (
        big_list()
        + op.called(op.named("numpy", "dtype"), op.text("f4")) + op.put(203) + b"0"
        + op.named("numpy.core.multiarray", "_reconstruct") + op.put(202) + b"0"
        + op.tuple_of(op.named("numpy", "ndarray"), b")", op.text("b")) + op.put(204) + b"0"
        + b"(K\x01" + op.get(200) + op.get(203) + b"\x89" + op.text("x") + b"t" + op.put(205) + b"0"
        + b"](" + (op.get(202) + op.get(204) + b"R" + op.get(205) + b"b") * MANY + b"e"
    ),
    "a long dict as the state of many objects": lambda: (
        numbered(MANY, lambda key: key + b"N") + op.put(200) + b"0" + op.named("a", "B") + op.put(202) + b"0" + b"]("
        + (op.get(202) + b")R" + op.get(200) + b"b") * MANY + b"e"
    ),
    "a long dict as the state of many tensors": lambda: (
        b"}(" + b"".join(op.text(f"k{i}") + b"N" for i in range(1000)) + b"u" + op.put(200) + b"0"
        + op.plain_tensor() + op.put(203) + b"0"
        + op.named("torch._utils", "_rebuild_parameter_with_state") + op.put(202) + b"0" + b"]("
        + (op.get(202) + b"(" + op.get(203) + b"\x89N" + op.get(200) + b"tR") * MANY + b"e"
    ),
    "one tensor with a large state shown again and again": lambda: (
        op.plain_tensor() + b"}(" + b"".join(op.text(f"k{i}") + b"N" for i in range(1000)) + b"ub" + op.put(200) + b"0"
        + numbered(MANY, lambda key: key + op.get(200))
    ),
    "a dotted key in each of many dicts": lambda: (
        op.text(".".join("a" * 500)) + op.put(201) + b"0" + op.plain_tensor() + op.put(200) + b"0"
        + numbered(MANY, lambda key: key + b"}" + op.get(201) + op.get(200) + b"s")
    ),
    # long and many
    "an integer of a million bytes": lambda: b"\x8b" + struct.pack("<I", 1 << 20) + b"\x7f" * (1 << 20),
    "a line of a million digits": lambda: b"L" + b"7" * 1_000_000 + b"L\n",
    "an integer line of a million digits": lambda: b"I" + b"7" * 1_000_000 + b"\n",
    "a float of a million digits": lambda: b"F" + b"7" * 1_000_000 + b"\n",
    "a line of thirty megabytes": lambda: b"V" + b"\\u1234" * 5_000_000 + b"\n",
    "a quoted line of thirty megabytes": lambda: b"S'" + b"\\x41" * 8_000_000 + b"'\n",
    "a line without an end": lambda: b"V" + b"a" * 3_000_000,
    "a global with a name of megabytes": lambda: op.named("a" * 2_000_000, "b" * 2_000_000),
    "a global with a million dots": lambda: op.named("a." * 1_000_000 + "a", "b"),
    "a global with a hundred thousand spaces": lambda: op.named("torch", " " * 100_000 + "Storage"),
    "as many globals as fit": lambda: b"".join(op.named("m", f"{i:x}") + b"0" for i in range(200_000)) + b"N",
    "many equal keys": lambda: b"}(" + b"K\x01N" * 400_000 + b"u",
    "many different keys": lambda: numbered(200_000, lambda key: key + b"N"),
    "a set of a million": lambda: b"\x8f(" + b"K\x01" * 1_000_000 + b"\x90",
    "many empty dicts": lambda: b"](" + b"}" * 500_000 + b"e",
    "many tensors of one storage": lambda: (
        op.tuple_of(op.storage(), b"K\0", b")", b")", b"\x89", b"N") + op.put(200) + b"0"
        + op.named("torch._utils", "_rebuild_tensor_v2") + op.put(202) + b"0"
        + b"".join(op.get(202) + op.get(200) + b"R0" for _ in range(100_000)) + b"N"
    ),
    "as many odd calls as fit": lambda: (
        op.named("torch", "Size") + op.put(202) + b"0"
        + b"".join(op.get(202) + b"J" + struct.pack("<i", i) + b"\x85R0" for i in range(100_000)) + b"N"
    ),
    "odd calls with odd names": lambda: (
        op.named("torch", "device") + op.put(202) + b"0" + op.named("torch._utils", "_rebuild_meta_tensor_no_storage")
        + op.put(203) + b"0" + b"".join(
            op.get(203) + b"(" + op.named("torch", f"x{i}") + b"))\x89tR0" for i in range(150_000)
        ) + b"N"
    ),
    # numbers out of all bounds
    "a numpy scalar of 2**38 bytes": lambda: op.called(
        op.named("numpy.core.multiarray", "scalar"),
        op.called(op.named("numpy", "dtype"), op.text("f4")),
        op.number(1 << 38),
    ),
    "bytes of 2**38": lambda: op.called(op.named("builtins", "bytes"), op.number(1 << 38)),
    "a shape of huge numbers": lambda: op.tensor(
        op.storage(numel=1 << 62), op.tuple_of(op.number((1 << 62) - 1)), op.tuple_of(op.number((1 << 62) - 1))
    ),
    "an offset of 2**80": lambda: op.tensor(
        op.storage(), op.tuple_of(op.number(4)), op.tuple_of(op.number(1)), op.number(1 << 80)
    ),
    "an offset of 2**63 - 1": lambda: op.tensor(
        op.storage(), op.tuple_of(op.number(4)), op.tuple_of(op.number(1)), op.number((1 << 63) - 1)
    ),
    "an expanded tensor of 2**62 elements": lambda: op.tensor(
        op.storage(), op.tuple_of(op.number(1 << 62)), op.tuple_of(op.number(0))
    ),
    "a complex meta tensor of 2**62 elements": lambda: op.called(
        op.named("torch._utils", "_rebuild_meta_tensor_no_storage"), op.named("torch", "complex128"),
        op.tuple_of(op.number(1 << 62)), op.tuple_of(op.number(1)), b"\x89",
    ),
    "a shape with zero and a huge number": lambda: op.tensor(
        op.storage(), op.tuple_of(op.number(0), op.number(1 << 62)), op.tuple_of(op.number(1 << 62), op.number(1))
    ),
    "a storage of negative size": lambda: op.tensor(
        op.storage(numel=-4), op.tuple_of(op.number(4)), op.tuple_of(op.number(1))
    ),
    "a negative stride": lambda: op.tensor(op.storage(), op.tuple_of(op.number(4)), op.tuple_of(op.number(-1))),
    "a numpy dtype of a hundred thousand fields": lambda: op.called(
        op.named("numpy.core.multiarray", "scalar"),
        op.called(op.named("numpy", "dtype"), b"V" + b"i4," * 100_000 + b"i4\n"),
        op.text("x"),
    ),
    "a numpy dtype of many dimensions": lambda: op.called(
        op.named("numpy.core.multiarray", "scalar"),
        op.called(op.named("numpy", "dtype"), op.text("(1000000,1000000,1000)f8")),
        op.text("x"),
    ),
}  # fmt: skip


# -- archives ---------------------------------------------------------------------------------


def central(name: bytes, offset: int, *, size: int = 0, method: int = 0, extra: bytes = b"", stored: int = -1) -> bytes:
    """One record of a zip directory."""
    stored = size if stored < 0 else stored
    return (
        struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, method, 0, 0, 0, stored, size, len(name), len(extra),
                    0, 0, 0, 0, offset)
        + name + extra
    )  # fmt: skip


def local(name: bytes, content: bytes, *, size: int = -1, method: int = 0) -> bytes:
    """One entry of an archive."""
    size = len(content) if size < 0 else size
    head = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, method, 0, 0, 0, len(content), size, len(name), 0)
    return head + name + content


def ended(body: bytes, directory: bytes, count: int, *, size: int = -1, start: int = -1) -> bytes:
    """Entries and their directory as an archive; zip64 where the count asks for it."""
    size, start = len(directory) if size < 0 else size, len(body) if start < 0 else start
    wide = b""
    if count > 0xFFFE:
        wide = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
        wide += struct.pack("<4sLQL", b"PK\x06\x07", 0, len(body) + len(directory), 1)
    few = min(count, 0xFFFF)
    return body + directory + wide + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, few, few, size, start, 0)


EMPTY = op.program(op.EMPTY_DICT)


def many_entries(path: Path) -> None:
    body = local(b"a/data.pkl", EMPTY)
    directory = b"".join(central(b"a/%d" % i, 0) for i in range(300_000))
    path.write_bytes(ended(body, central(b"a/data.pkl", 0, size=len(EMPTY)) + directory, 300_001))


def same_entry_again_and_again(path: Path) -> None:
    body = local(b"a/data.pkl", EMPTY)
    path.write_bytes(ended(body, central(b"a/data.pkl", 0, size=len(EMPTY)) * 100_000, 100_000))


def many_names_twice(path: Path) -> None:
    body = local(b"a/data.pkl", EMPTY)
    pairs = b"".join(central(b"a/data/%d" % i, 0) * 2 for i in range(50_000))
    path.write_bytes(ended(body, central(b"a/data.pkl", 0, size=len(EMPTY)) + pairs, 100_001))


def overlapping_entries(path: Path) -> None:
    """The quoted overlap of a better zip bomb: every entry claims the same deflated megabytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    squeezed = packer.compress(bytes(200 << 20)) + packer.flush()
    body = local(b"a/data.pkl", EMPTY)
    start = len(body)
    body += local(b"a/data/0", squeezed, size=200 << 20, method=8)
    record = [central(b"a/data/%d" % i, start, size=200 << 20, stored=len(squeezed), method=8) for i in range(10_000)]
    directory = central(b"a/data.pkl", 0, size=len(EMPTY)) + b"".join(record)
    path.write_bytes(ended(body, directory, len(record) + 1))


def bomb_in_the_pickle(path: Path) -> None:
    # 900 MB of opcodes that do nothing, in less than one.
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    squeezed = b"".join(packer.compress(b"N0" * (1 << 19)) for _ in range(900)) + packer.flush()
    body = local(b"a/data.pkl", squeezed, size=900 << 20, method=8)
    directory = central(b"a/data.pkl", 0, size=900 << 20, stored=len(squeezed), method=8)
    path.write_bytes(ended(body, directory, 1))


def bomb_behind_an_honest_size(path: Path) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    squeezed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(500)) + packer.flush()
    body = local(b"a/data.pkl", squeezed, size=100, method=8)
    path.write_bytes(ended(body, central(b"a/data.pkl", 0, size=100, stored=len(squeezed), method=8), 1))


def wide_lies(path: Path) -> None:
    extra = struct.pack("<HH3Q", 1, 24, 2**63, 2**63, 2**63)
    record = central(b"a/data.pkl", 0xFFFFFFFF, size=0xFFFFFFFF, stored=0xFFFFFFFF, extra=extra)
    path.write_bytes(ended(local(b"a/data.pkl", EMPTY), record, 1))


def directory_that_says_it_is_the_file(path: Path) -> None:
    record = central(b"a/data.pkl", 0, size=len(EMPTY))
    with path.open("wb") as file:
        file.write(local(b"a/data.pkl", EMPTY) + record)
        file.seek(900 << 20)
        file.write(struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 9000, 9000, (900 << 20) - 100, 44, 0))


def ends_without_number(path: Path) -> None:
    path.write_bytes(b"PK\x03\x04" + b"PK\x05\x06" * 16_000)


def local_headers_without_end(path: Path) -> None:
    path.write_bytes(b"PK\x03\x04" * 500_000)


def honest_headers_without_end(path: Path) -> None:
    path.write_bytes(b"".join(local(b"a/%d" % i, b"") for i in range(150_000)))


def archives_inside_archives(path: Path) -> None:
    """A zip whose 20,000 entries are all the same inner archive."""
    inner = path.with_suffix(".inner")
    torch_zip(inner, op.program(b"](" + b"}" * 50_000 + b"e"))
    body = local(b"0.pth", inner.read_bytes())
    inner.unlink()
    size = len(body) - 35
    directory = b"".join(central(b"%d.pth" % i, 0, size=size) for i in range(20_000))
    path.write_bytes(ended(body, directory, 20_000))


def zip_without_an_end(path: Path) -> None:
    """Deep nests of archives: each holds the one before, stored."""
    content = b"x"
    for level in range(200):
        name = b"%d.pth" % level
        content = ended(local(name, content), central(name, 0, size=len(content)), 1)
    path.write_bytes(content)


# -- other formats ----------------------------------------------------------------------------


def legacy_with(count: int, keys: object = ("0",)) -> Callable[[Path], None]:
    """A legacy file whose storage says that it has `count` elements."""

    def write(path: Path) -> None:
        torch_legacy(path, op.program(op.plain_tensor()), keys=pickle.dumps(list(keys), 2))  # type: ignore[call-overload]
        raw = bytearray(path.read_bytes())
        raw[-24:-16] = struct.pack("<q", count)
        path.write_bytes(raw)

    return write


def legacy_of(value: bytes, **replaced: bytes) -> Callable[[Path], None]:
    return lambda path: torch_legacy(path, op.program(value), **replaced)


def legacy_view(start: int) -> bytes:
    view = op.tuple_of(op.text("v"), op.number(start), op.number(4))
    identity = op.tuple_of(
        op.text("storage"), op.named("torch", "FloatStorage"), op.text("0"), op.text("cpu"), op.number(4), view
    )
    return op.tensor(identity + b"Q", op.tuple_of(op.number(4)), op.tuple_of(op.number(1)))


def safetensors_with(header: bytes, payload: bytes = FOUR_FLOATS) -> Callable[[Path], None]:
    return lambda path: (path.write_bytes(struct.pack("<Q", len(header)) + header + payload), None)[1]


def safetensors_of_length(length: int) -> Callable[[Path], None]:
    return lambda path: (path.write_bytes(struct.pack("<Q", length) + b"{" + b" " * 1000), None)[1]


def text_pickle(value: bytes) -> Callable[[Path], None]:
    return lambda path: (path.write_bytes(value), None)[1]


def npy(shape: str, descr: str = "'<f4'") -> Callable[[Path], None]:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode("latin-1")
    head = b"\x93NUMPY\x02\x00" + struct.pack("<I", len(header))
    return lambda path: (path.write_bytes(head + header + FOUR_FLOATS), None)[1]


ENTRY = b'"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}'

FILES: dict[str, Callable[[Path], None]] = {
    "a directory of 300,000 entries": many_entries,
    "one entry 100,000 times": same_entry_again_and_again,
    "fifty thousand names twice": many_names_twice,
    "overlapping deflated entries": overlapping_entries,
    "a pickle that inflates to 900 MB": bomb_in_the_pickle,
    "a bomb behind an honest size": bomb_behind_an_honest_size,
    "zip64 sizes past all bounds": wide_lies,
    "a directory as large as a sparse file": directory_that_says_it_is_the_file,
    "many ends of an archive": ends_without_number,
    "local headers without an end": local_headers_without_end,
    "150,000 entries without a directory": honest_headers_without_end,
    "one archive 20,000 times in another": archives_inside_archives,
    "archives nested 200 deep": zip_without_an_end,
    "a legacy storage of negative count": legacy_with(-1),
    "a legacy storage of 2**63 - 1": legacy_with(2**63 - 1),
    "a legacy key again and again": legacy_with(4, ["0"] * 300_000),
    "a legacy file with laughs as its keys": legacy_of(op.plain_tensor(), keys=op.program(op.list_of(laughs()))),
    "a legacy file with laughs as its system": legacy_of(op.plain_tensor(), system=op.program(laughs())),
    "a legacy view that begins at 2**80": legacy_of(legacy_view(1 << 80)),
    "a legacy view that begins at 2**63": legacy_of(legacy_view((1 << 63) - 1)),
    "a legacy storage of 2**62 doubles, cut off": lambda path: (
        legacy_of(
            op.tensor(op.storage(numel=1 << 62, kind="DoubleStorage"), op.tuple_of(op.number(4)),
                      op.tuple_of(op.number(1))), keys=b"",
        )(path), None)[1],
    "safetensors: a header of 2**63": safetensors_of_length(2**63),
    "safetensors: a header of the file's length": safetensors_of_length(900),
    "safetensors: lists nested deep": safetensors_with(b'{"a": ' + b"[" * 500_000 + b"]" * 500_000 + b"}"),
    "safetensors: dicts nested deep": safetensors_with(b'{"a": ' * 200_000 + b"1" + b"}" * 200_000),
    "safetensors: a number of a million digits": safetensors_with(
        b'{"a": {"dtype": "F32", "shape": [' + b"7" * 1_000_000 + b'], "data_offsets": [0, 16]}}'
    ),
    "safetensors: offsets past all bounds": safetensors_with(
        b'{"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 99999999999999999999999]}}'
    ),
    "safetensors: a shape past all bounds": safetensors_with(
        b'{"a": {"dtype": "F32", "shape": [4294967296, 4294967296, 4], "data_offsets": [0, 16]}}'
    ),
    "safetensors: one name 60,000 times": safetensors_with(b"{" + b", ".join([ENTRY] * 60_000) + b"}"),
    "safetensors: a shape of 200,000 axes": safetensors_with(
        b'{"a": {"dtype": "F32", "shape": [' + b", ".join([b"1"] * 200_000) + b'], "data_offsets": [0, 16]}}'
    ),
    "npy: a shape past all bounds": npy("(4611686018427387904, 4)"),
    "npy: a shape of 100,000 axes": npy("(" + "1, " * 100_000 + ")"),
    "npy: brackets nested deep": npy("(" * 100_000 + ")" * 100_000),
    "npy: an expression as a shape": npy("(9**9**9,)"),
    "npy: a header that is code": npy("(4,)", "__import__('os').system('true')"),
    "a text pickle of long numbers": text_pickle(b"(l" + (b"I" + b"1" * 2000 + b"\na") * 3_000 + b"."),
    "a text pickle of many marks": text_pickle(b"(" * 1_000_000 + b"."),
    "a text pickle of many lists": text_pickle(b"(l" * 400_000 + b"a" * 399_999 + b"."),
}  # fmt: skip


def cases() -> dict[str, Callable[[Path], None]]:
    """Everything by name: the hostile pickles, in a torch archive and bare by turns, and the hostile files."""
    # Built when written: together they would fill the memory of the tests.
    places = (("zip", _write_zip), ("pickle", _write_bare))
    pickles = {}
    for number, (name, build) in enumerate(PICKLES.items()):
        place, write = places[number % 2]
        pickles[f"{place}: {name}"] = partial(write, build)
    return pickles | FILES


def _write_zip(build: Callable[[], bytes], path: Path) -> None:
    torch_zip(path, op.program(build(), protocol=4))


def _write_bare(build: Callable[[], bytes], path: Path) -> None:
    path.write_bytes(op.program(build(), protocol=4))
