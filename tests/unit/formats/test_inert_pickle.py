"""The pickle machine: every opcode against Python's own, its errors, its limits, and what it never does."""

from __future__ import annotations

import collections
import pickle
import pickletools
import struct
import warnings
from pathlib import Path
from typing import Any

import pytest

import tests.helpers.opcodes as op
from sdviewer.control import Control
from sdviewer.errors import Cancelled
from sdviewer.formats import inert_pickle
from sdviewer.formats.files import LocalSources
from sdviewer.formats.inert_pickle import LONG, BrokenPickle, Machine
from sdviewer.formats.pickle_values import ByteRange, Global, Group, Mapping, Opaque
from tests.helpers.plain_values import machine_over, value_of

BIG = b"abcdefgh" * 300  # longer than what is kept

# Opcode name → a pickle in which it stands. Python's own machine says what it means.
BENIGN: dict[str, bytes] = {
    "INT": b"I-12\n.",
    "LONG": b"L123456789012345678901L\n.",
    "BINPUT": b"]q\x05h\x05\x86.",
    "PUT": b"]p5\ng5\n\x86.",
    "LONG_BINPUT": b"]r\x05\x01\0\0j\x05\x01\0\0\x86.",
    "MEMOIZE": b"]\x94h\0\x86.",
    "GET": b"K\x01p300\n0g300\n.",
    "BINGET": b"K\x01q\x030h\x03.",
    "LONG_BINGET": b"K\x01r\0\0\x01\x000j\0\0\x01\0.",
    "BININT": b"J\xfe\xff\xff\xff.",
    "BININT1": b"K\xff.",
    "BININT2": b"M\xff\xfe.",
    "LONG1": b"\x8a\x09\1\2\3\4\5\6\7\x08\xff.",
    "LONG4": b"\x8b\x03\0\0\0\xff\xfe\xfd.",
    "STRING": b"S'it\\'s \\n \\x41\\101 \\\\'\n.",
    "BINSTRING": b"T\x03\0\0\0abc.",
    "SHORT_BINSTRING": b"U\x03abc.",
    "BINBYTES": b"B\x03\0\0\0\0\xff\x01.",
    "SHORT_BINBYTES": b"C\x03\0\xff\x01.",
    "BINBYTES8": b"\x8e\x03\0\0\0\0\0\0\0\0\xff\x01.",
    "BYTEARRAY8": b"\x96\x03\0\0\0\0\0\0\0\0\xff\x01.",
    "NEXT_BUFFER": b"\x97.",
    "READONLY_BUFFER": b"\x97\x98.",
    "NONE": b"N.",
    "NEWTRUE": b"\x88.",
    "NEWFALSE": b"\x89.",
    "UNICODE": "Vsnow\\u2603 \xe9\n.".encode("latin-1"),
    "SHORT_BINUNICODE": b"\x8c\x03\xe2\x98\x83.",
    "BINUNICODE": b"X\x03\0\0\0\xed\xa0\x80.",  # a lone surrogate
    "BINUNICODE8": b"\x8d\x03\0\0\0\0\0\0\0\xe2\x98\x83.",
    "FLOAT": b"F-1.5e3\n.",
    "BINFLOAT": b"G\x7f\xf0\0\0\0\0\0\0.",
    "EMPTY_LIST": b"].",
    "APPEND": b"]K\x01a.",
    "APPENDS": b"](K\x01K\x02e.",
    "LIST": b"(K\x01K\x02l.",
    "EMPTY_TUPLE": b").",
    "TUPLE": b"(K\x01K\x02t.",
    "TUPLE1": b"K\x01\x85.",
    "TUPLE2": b"K\x01K\x02\x86.",
    "TUPLE3": b"K\x01K\x02K\x03\x87.",
    "EMPTY_DICT": b"}.",
    "DICT": b"(K\x01K\x02K\x03K\x04d.",
    "SETITEM": b"}K\x01K\x02s.",
    "SETITEMS": b"}(K\x01K\x02K\x03K\x04u.",
    "EMPTY_SET": b"\x8f.",
    "ADDITEMS": b"\x8f(K\x01K\x02\x90.",
    "FROZENSET": b"(K\x01K\x02\x91.",
    "POP": b"K\x01K\x020.",
    "DUP": b"K\x012\x86.",
    "MARK": b"((K\x01tt.",
    "POP_MARK": b"K\x01(K\x02K\x031.",
    "STOP": b"K\x01.K\x02.",
    "PROTO": b"\x80\x05K\x01.",
    "FRAME": b"\x80\x04\x95\x03\0\0\0\0\0\0\0K\x01.",
    "BUILD": b"ccollections\nOrderedDict\n)R}X\x01\0\0\0aK\x01sb.",
    "GLOBAL": b"cbuiltins\ncomplex\n.",
    "STACK_GLOBAL": b"\x8c\x08builtins\x8c\x07complex\x93.",
    "REDUCE": b"cbuiltins\ncomplex\nK\x01K\x02\x86R.",
    "INST": b"(K\x01K\x02ibuiltins\ncomplex\n.",
    "OBJ": b"(cbuiltins\ncomplex\nK\x01K\x02o.",
    "NEWOBJ": b"cbuiltins\ncomplex\nK\x01K\x02\x86\x81.",
    "NEWOBJ_EX": b"cbuiltins\ncomplex\nK\x01K\x02\x86}\x92.",
    "EXT1": b"\x82\x01.",
    "EXT2": b"\x83\x01\x01.",
    "EXT4": b"\x84\x01\x01\0\0.",
    "PERSID": b"Pname\n.",
    "BINPERSID": b"X\x04\0\0\0nameQ.",
}
# What Python's machine cannot say without importing, a registry or buffers; said here.
MEANT: dict[str, object] = {
    "BYTEARRAY8": b"\0\xff\1",
    "NEXT_BUFFER": "pickle.PickleBuffer",
    "READONLY_BUFFER": "pickle.PickleBuffer",
    "GLOBAL": "builtins.complex",
    "STACK_GLOBAL": "builtins.complex",
    "EXT1": "copyreg.extension 1",
    "EXT2": "copyreg.extension 257",
    "EXT4": "copyreg.extension 257",
    "PERSID": ("name",),
    "BINPERSID": ("name",),
}


class PersistentNames(pickle.Unpickler):
    def persistent_load(self, pid: Any) -> Any:
        return (pid,)


@pytest.mark.parametrize("opcode", pickletools.opcodes, ids=lambda opcode: opcode.name)
def test_every_opcode_means_what_python_says(opcode: pickletools.OpcodeInfo, tmp_path: Path) -> None:
    program = BENIGN[opcode.name]
    assert opcode.code.encode("latin-1") in program
    (tmp_path / "p").write_bytes(program)
    machine = machine_over(tmp_path / "p", persistent_load=lambda identity: (identity,))
    found = value_of(machine.load())
    if opcode.name in MEANT:
        assert found == MEANT[opcode.name]
    else:
        with (tmp_path / "p").open("rb") as file:
            assert repr(found) == repr(PersistentNames(file).load())


def test_the_machine_knows_all_opcodes_and_no_other() -> None:
    sources = LocalSources()
    machine = Machine(sources.get(sources.inline_index()))
    known = {code for code in range(256) if machine._table[code] != machine._unknown}
    assert known == {ord(opcode.code) for opcode in pickletools.opcodes}


def loaded(tmp_path: Path, program: bytes, **options: Any) -> Any:
    (tmp_path / "p").write_bytes(program)
    return machine_over(tmp_path / "p", **options).load()


# -- what it never does ------------------------------------------------------------------------


def test_a_call_becomes_a_record_of_the_call(tmp_path: Path) -> None:
    value = loaded(tmp_path, op.program(op.called(op.named("os", "system"), op.text("true"))))
    assert isinstance(value, Opaque)
    assert (value.class_name, value.args) == ("os.system", ("true",))


def test_a_state_stays_beside_its_object(tmp_path: Path) -> None:
    value = loaded(tmp_path, op.program(op.called(op.named("a", "B")), op.dict_of(op.text("x"), op.number(1)), b"b"))
    assert value.state.items == ["x", 1]
    assert not hasattr(value, "x")


def test_a_second_state_does_not_hide_the_first(tmp_path: Path) -> None:
    value = loaded(tmp_path, op.program(op.called(op.named("a", "B")), op.number(1), b"b", op.number(2), b"b"))
    assert value.state == (1, 2)


def test_items_of_an_unknown_class_are_kept(tmp_path: Path) -> None:
    made = op.called(op.named("a", "B"))
    value = loaded(tmp_path, op.program(made, b"(K\x01K\x02e", b"K\x03K\x04s"))
    assert (value.items, value.entries) == ([1, 2], [3, 4])


def test_keyword_arguments_are_kept(tmp_path: Path) -> None:
    value = loaded(tmp_path, op.program(op.named("a", "B"), b")", op.dict_of(op.text("x"), op.number(1)), b"\x92"))
    args, kwargs = value.args
    assert (args, kwargs.items) == ((), ["x", 1])


def test_a_dotted_name_stays_one_name(tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(op.program(op.text("torch._utils"), op.text("os.system"), b"\x93", protocol=4))
    machine = machine_over(tmp_path / "p")
    assert machine.load().full == "torch._utils.os.system"
    assert [found.full for found in machine.globals.values()] == ["torch._utils.os.system"]


def test_keys_are_never_hashed(tmp_path: Path) -> None:
    value = loaded(tmp_path, op.program(op.dict_of(op.list_of(op.number(1)), op.number(2)), protocol=4))
    assert value.items == [[1], 2]


def test_an_interpreter_that_does_not_like_its_arguments_leaves_a_record(tmp_path: Path) -> None:
    def refuses(_: tuple[Any, ...]) -> Any:
        raise ValueError("no")

    (tmp_path / "p").write_bytes(op.program(op.called(op.named("a", "f"), op.number(1))))
    machine = machine_over(tmp_path / "p", interpreters={"a.f": refuses})
    value = machine.load()
    assert isinstance(value, Opaque)
    assert value.args == (1,)
    assert machine.oddities == {"a.f with arguments that it does not take (no)": 1}


def test_a_persistent_id_without_a_reader_leaves_a_record(tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(op.program(op.text("x"), b"Q"))
    machine = Machine(_source(tmp_path / "p"))
    assert machine.load().args == ("x",)
    assert machine.oddities


def _source(path: Path) -> Any:
    sources = LocalSources()
    return sources.get(sources.add_file(path))


# -- long values stay in the file ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "is_text"),
    [
        (b"X" + struct.pack("<I", len(BIG)), True),
        (b"\x8d" + struct.pack("<Q", len(BIG)), True),
        (b"B" + struct.pack("<I", len(BIG)), False),
        (b"\x8e" + struct.pack("<Q", len(BIG)), False),
        (b"\x96" + struct.pack("<Q", len(BIG)), False),
        (b"T" + struct.pack("<I", len(BIG)), False),
    ],
)
def test_a_long_string_is_its_place_in_the_file(tmp_path: Path, head: bytes, *, is_text: bool) -> None:
    program = b"\x80\x05" + head + BIG + b"K\x01\x86."
    value, after = loaded(tmp_path, program)
    assert isinstance(value, ByteRange)
    assert program[value.offset : value.offset + value.size] == BIG
    assert (value.text, after) == (is_text, 1)


def test_a_string_of_the_length_that_is_kept_is_kept(tmp_path: Path) -> None:
    assert loaded(tmp_path, op.program(op.text("a" * LONG))) == "a" * LONG
    assert isinstance(loaded(tmp_path, op.program(op.text("a" * (LONG + 1)))), ByteRange)


def test_an_integer_of_many_bytes_or_digits_keeps_all_of_them(tmp_path: Path) -> None:
    digits = b"7" * 5000
    for program in (b"I" + digits + b"\n.", b"L" + digits + b"L\n.", b"L" + digits + b"\n."):
        value = loaded(tmp_path, program)
        assert program[value.offset : value.offset + value.size] == digits
    raw = loaded(tmp_path, b"\x8b" + struct.pack("<I", 3000) + b"\x01" * 3000 + b".")
    assert (raw.offset, raw.size) == (5, 3000)


def test_a_pickle_longer_than_the_window_is_read_whole(tmp_path: Path) -> None:
    value = [f"text {i}" * 20 for i in range(60_000)]
    program = pickle.dumps(value, 2)
    assert len(program) > 2 * inert_pickle._WINDOW
    assert loaded(tmp_path, program) == value


@pytest.mark.parametrize("start", [0, 1, 7])
def test_a_long_string_across_the_end_of_the_window(tmp_path: Path, start: int) -> None:
    size = inert_pickle._WINDOW + 5
    program = b"N0" * start + b"B" + struct.pack("<I", size) + bytes(size) + b"K\x07\x86."
    place, after = loaded(tmp_path, program)
    assert (place.offset, place.size, after) == (2 * start + 5, size, 7)


def test_a_line_longer_than_the_window(tmp_path: Path) -> None:
    text = "ab" * inert_pickle._WINDOW
    assert loaded(tmp_path, b"V" + text.encode() + b"\nK\x01\x86.") == (text, 1)


def test_the_machine_stands_behind_stop_and_goes_on_from_there(tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(pickle.dumps([1], 2) + pickle.dumps("second", 4) + b"rest")
    machine = machine_over(tmp_path / "p")
    assert [machine.load(), machine.load()] == [[1], "second"]
    assert (tmp_path / "p").read_bytes()[machine.position :] == b"rest"


# -- the memo -------------------------------------------------------------------------------------


def test_the_memo_is_forgotten_between_pickles(tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(b"]q\x01.h\x01.")
    machine = machine_over(tmp_path / "p")
    machine.load()
    with pytest.raises(BrokenPickle, match="refers to a value that it did not store"):
        machine.load()


def test_memoize_numbers_by_what_is_stored(tmp_path: Path) -> None:
    program = b"\x80\x04K\x05q\x07K\x06\x94h\x01\x86h\x07\x86."
    assert loaded(tmp_path, program) == pickle.loads(program)


def test_a_stored_value_can_be_replaced(tmp_path: Path) -> None:
    program = b"K\x01q\x05K\x02q\x05h\x05\x87."
    assert loaded(tmp_path, program) == pickle.loads(program) == (1, 2, 2)


def test_one_list_in_two_places_stays_one(tmp_path: Path) -> None:
    shared: list[int] = [1]
    first, second = loaded(tmp_path, pickle.dumps([shared, shared], 4))
    assert first is second


def test_a_list_may_hold_itself(tmp_path: Path) -> None:
    value: list[Any] = []
    value.append(value)
    found = loaded(tmp_path, pickle.dumps(value, 4))
    assert found[0] is found


# -- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "message", "offset"),
    [
        (b"", "ends in the middle", 0),
        (b"N", "ends in the middle", 1),
        (b"NN\xff.", "unknown opcode 0xff", 2),
        (b"\x80\x06N.", "protocol 6", 1),
        (b"X\xff\xff\xff\x7fabc", "says 2,147,483,647 bytes follow, 3 do", 5),
        (b"\x8e" + b"\xff" * 8 + b"abc.", "says 18,446,744,073,709,551,615 bytes follow, 4 do", 9),
        (b"T\xff\xff\xff\xffabc.", "negative length", 1),
        (b"N" * 20 + b"g99\n.", "did not store", 20),
        (b"N" * 20 + b"h\x09.", "did not store", 20),
        (b"N" * 20 + b"Ixyz\n.", "malformed number", 20),
        (b"N" * 20 + b"Fxyz\n.", "malformed number", 20),
        (b"N" * 20 + b"X\x01\0\0\0\xff.", "malformed number or text", 20),
        (b"N" * 20 + b"g" + b"1" * 30 + b"\n.", "malformed number", 20),
        (b"Vabc", "line without an end", 1),
        (b"0" + b"." * 20, "takes something from an empty stack", 0),
        (b"R" + b"." * 20, "takes something from an empty stack", 0),
        (b"t" + b"." * 20, "takes something from an empty stack", 0),
    ],
)
def test_a_broken_pickle_says_what_is_wrong_and_where(
    tmp_path: Path, program: bytes, message: str, offset: int
) -> None:
    with pytest.raises(BrokenPickle, match=message) as error:
        loaded(tmp_path, program)
    assert error.value.offset == offset


def test_the_offset_of_an_error_counts_from_the_start_of_the_file(tmp_path: Path) -> None:
    head = pickle.dumps(["x" * 100] * 10, 2)
    (tmp_path / "p").write_bytes(head + b"NN\xff")
    machine = machine_over(tmp_path / "p", position=len(head))
    with pytest.raises(BrokenPickle) as error:
        machine.load()
    assert error.value.offset == len(head) + 2


@pytest.mark.parametrize("protocol", range(6))
def test_what_was_read_before_the_end_can_be_salvaged(tmp_path: Path, protocol: int) -> None:
    whole = {f"key {i}": [i] for i in range(40)}
    program = pickle.dumps(whole, protocol)
    kept = []
    for length in range(len(program) // 2, len(program)):
        (tmp_path / "p").write_bytes(program[:length])
        machine = machine_over(tmp_path / "p")
        with pytest.raises(BrokenPickle):
            machine.load()
        found = value_of(machine.salvage())
        assert isinstance(found, dict)
        # The last value may still be empty: its items had not come yet.
        assert all(key in whole and value in ([], whole[key]) for key, value in found.items())
        kept.append(len(found))
    assert kept == sorted(kept)
    assert kept[-1] == 40


def test_nothing_can_be_salvaged_from_nothing(tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(b"")
    machine = machine_over(tmp_path / "p")
    with pytest.raises(BrokenPickle):
        machine.load()
    assert machine.salvage() is None


# -- limits ---------------------------------------------------------------------------------------


def test_a_pickle_that_takes_too_many_steps_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inert_pickle, "STEPS", 100_000)
    with pytest.raises(BrokenPickle, match=r"more than 1\d\d,000 steps"):
        loaded(tmp_path, b"N0" * 100_000 + b"N.")


def test_tensors_grant_further_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inert_pickle, "STEPS", 100_000)
    (tmp_path / "p").write_bytes(b"N0" * 100_000 + b"N.")
    machine = machine_over(tmp_path / "p")
    machine.credit = 200_000
    assert machine.load() is None


def test_copying_one_list_again_and_again_is_given_up(tmp_path: Path) -> None:
    copies = (op.get(202) + op.get(200) + b"\x85R0") * 1000
    many = op.list_of(*[op.number(1)] * 10_000)
    program = op.program(many, op.put(200), b"0", op.named("builtins", "list"), op.put(202), b"0", copies, b"N")
    calls = []
    with pytest.raises(BrokenPickle, match="copies the same values"):
        loaded(tmp_path, program, interpreters={"builtins.list": lambda args: calls.append(len(args[0]))})
    assert 5 < len(calls) < 50


def test_more_globals_than_any_model_has_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inert_pickle, "_MOST_GLOBALS", 100)
    with pytest.raises(BrokenPickle, match="more than 100 globals"):
        loaded(tmp_path, b"".join(op.named("m", f"n{i}") for i in range(101)) + b".")


def test_oddities_are_counted_not_collected(tmp_path: Path) -> None:
    def refuses(args: tuple[Any, ...]) -> Any:
        raise ValueError(f"{args[0]} " * 1000)

    calls = b"".join(op.called(op.named("a", "f"), op.number(i)) + b"0" for i in range(500))
    (tmp_path / "p").write_bytes(op.program(calls, b"N"))
    machine = machine_over(tmp_path / "p", interpreters={"a.f": refuses})
    machine.load()
    assert sum(machine.oddities.values()) == 500
    assert len(machine.oddities) < 100
    assert max(map(len, machine.oddities)) <= 200


def test_reading_stops_when_it_is_cancelled(tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(b"N0" * 1_000_000 + b"N.")
    control = Control(lambda *_: control.cancel())
    with pytest.raises(Cancelled):
        machine_over(tmp_path / "p", control=control).load()


def test_progress_is_told_in_bytes_of_the_source(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    (tmp_path / "p").write_bytes(b"N0" * 1_000_000 + b"N.")
    machine_over(tmp_path / "p", control=Control(lambda done, total, _: told.append((done, total)))).load()
    assert told
    assert all(0 < done <= total == 2_000_002 for done, total in told)


# -- what python makes of the same bytes ------------------------------------------------------------


@pytest.mark.parametrize("protocol", range(6))
def test_standard_containers_are_read_as_python_reads_them(tmp_path: Path, protocol: int) -> None:
    value: dict[Any, Any] = {
        "none": None,
        "numbers": [0, -1, 255, 256, 65535, 65536, 2**31, -(2**31), 2**63, -(2**70), 1.5, -0.0, float("inf")],
        "texts": ["", "a", "é", "\u2603", "line\nbreak", "\\", "'", '"', "\ud800"],
        "bytes": [b"", b"a", bytes(range(256))],
        "nested": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [[], [[]]], {"a": {"b": {}}}),
        "sets": [set(), {1}, frozenset(), frozenset({2})],
        "mappings": [collections.OrderedDict(a=1), collections.Counter("aa"), collections.defaultdict(list, a=[1])],
        "bools": [True, False],
        "complex": 1 + 2j,
        "bytearray": bytearray(b"ab"),
        3: "an integer key",
        (1, 2): "a tuple as key",
    }
    (tmp_path / "p").write_bytes(pickle.dumps(value, protocol))
    assert value_of(machine_over(tmp_path / "p", plain=True).load()) == value


def test_python_2_strings_are_text_if_they_are_ascii_and_bytes_else(tmp_path: Path) -> None:
    assert loaded(tmp_path, b"U\x03abcU\x02\xff\xfe\x86.") == ("abc", b"\xff\xfe")
    assert loaded(tmp_path, b"S'abc'\nS'\\xff\\xfe'\n\x86.") == ("abc", b"\xff\xfe")


@pytest.mark.parametrize(
    "raw", [rb"'a\qb'", rb"'a\N{x}'", rb"'\u0041'", rb"'\\\\d'", rb"'\777'", rb"'\18'", rb'"\""', rb"'\a\b\f\v\r\t\''"]
)
def test_escapes_of_python_2_strings_mean_what_they_meant(tmp_path: Path, raw: bytes) -> None:
    program = b"S" + raw + b"\n."
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        wanted = pickle.loads(program, encoding="bytes")
    found = loaded(tmp_path, program)
    assert (found.encode() if isinstance(found, str) else found) == wanted


def test_containers_are_of_our_own_classes(tmp_path: Path) -> None:
    parts: list[Any] = [{}, set(), int]
    assert [type(part) for part in loaded(tmp_path, pickle.dumps(parts, 4))] == [Mapping, Group, Global]
