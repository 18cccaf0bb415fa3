"""Plain pickles of every protocol: Python writes them, Python's own unpickling says what they hold."""

from __future__ import annotations

import collections
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.structure import Node
from sdviewer.errors import CannotOpen, MissingBytes, NotDecodable
from sdviewer.formats.opening import open_checkpoint
from tests.helpers.shown_values import Alias, alike, shown

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)


def pickled(folder: Path, value: object, protocol: int = 4) -> Checkpoint:
    path = folder / "value.pkl"
    path.write_bytes(pickle.dumps(value, protocol))
    return open_checkpoint(path)


def written(folder: Path, content: bytes) -> Checkpoint:
    path = folder / "value.pkl"
    path.write_bytes(content)
    return open_checkpoint(path)


# -- arrays -------------------------------------------------------------------------------

ARRAYS: dict[str, np.ndarray[Any, Any]] = {
    "c order": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "fortran order": np.asfortranarray(np.arange(24.0).reshape(4, 6)),
    "transposed": np.arange(24, dtype=np.int16).reshape(2, 3, 4).transpose(2, 0, 1),
    "big-endian": np.arange(5, dtype=">i4"),
    "big-endian complex": np.array([1 + 2j, -3j], ">c8"),
    "bool": np.array([True, False]),
    "uint64": np.array([0, 2**64 - 1], np.uint64),
    "half": np.array([1.5, np.inf, -0.0], np.float16),
    "scalar": np.array(3.5),
    "empty": np.zeros((3, 0, 2)),
    "all bytes": np.arange(256, dtype=np.uint8),
    "long": np.random.default_rng(2).normal(size=(70, 30)),
    "long bytes": np.random.default_rng(3).integers(0, 256, 5000, np.uint8),
    "slice": np.arange(100)[10:90:3],
}


@every_protocol
def test_numpy_arrays_are_tensors(tmp_path: Path, protocol: int) -> None:
    checkpoint = pickled(tmp_path, ARRAYS, protocol)
    assert checkpoint.format == "pickle"
    assert checkpoint.problems == ()
    assert list(checkpoint.tensors) == list(ARRAYS)
    for name, array in ARRAYS.items():
        found = checkpoint.tensors[name].numpy()
        np.testing.assert_array_equal(found, array)
        assert found.dtype == (np.float32 if name == "half" else array.dtype.newbyteorder("="))


@every_protocol
def test_an_array_alone_is_the_root(tmp_path: Path, protocol: int) -> None:
    checkpoint = pickled(tmp_path, ARRAYS["long"], protocol)
    (ref,) = checkpoint.tensors.values()
    assert ref.path == ()
    np.testing.assert_array_equal(ref.numpy(), ARRAYS["long"])


def test_arrays_whose_buffers_were_handed_over_beside_the_pickle_are_missing(tmp_path: Path) -> None:
    buffers: list[pickle.PickleBuffer] = []
    content = pickle.dumps({"a": ARRAYS["c order"], "n": 1}, 5, buffer_callback=buffers.append)
    assert len(buffers) == 1
    checkpoint = written(tmp_path, content)
    ref = checkpoint.tensors["a"]
    assert (ref.dtype, ref.shape) == ("float32", (2, 3, 4))
    assert checkpoint.problems
    assert checkpoint.globals
    assert all(use.klass == "known" for use in checkpoint.globals)
    with pytest.raises(MissingBytes):
        ref.numpy()


TEXTS = {
    "unicode": np.array(["ab", "ç☃"]),
    "bytes": np.array([b"ab", b"cde"]),
    "days": np.array(["2020-02-29", "NaT"], "M8[D]"),
    "spans": np.array([1, 2], "m8[15s]"),
    "long double": np.array([1.5], np.longdouble),
}


@every_protocol
@pytest.mark.parametrize("name", TEXTS)
def test_arrays_of_texts_and_dates_are_listed_with_their_bytes(tmp_path: Path, name: str, protocol: int) -> None:
    array = TEXTS[name]
    ref = pickled(tmp_path, {"a": array}, protocol).tensors["a"]
    assert ref.shape == array.shape
    assert np.dtype(ref.dtype) == array.dtype
    assert ref.codes().tobytes() == array.tobytes()
    with pytest.raises(NotDecodable):
        ref.numpy()


RECORD = np.array([(1, 2.5, b"ab"), (2, -1.0, b"")], [("n", "<i4"), ("x", ">f8"), ("name", "S2")])


@every_protocol
def test_records_are_listed_with_their_fields_and_bytes(tmp_path: Path, protocol: int) -> None:
    nested = np.zeros(2, [("inner", [("a", "u1"), ("b", "<f4")])])
    checkpoint = pickled(tmp_path, {"plain": RECORD, "nested": nested}, protocol)
    assert checkpoint.problems == ()
    assert checkpoint.tensors["plain"].dtype == str(RECORD.dtype.descr)
    assert checkpoint.tensors["nested"].dtype == "V5"
    for name, array in (("plain", RECORD), ("nested", nested)):
        assert checkpoint.tensors[name].shape == (2,)
        assert checkpoint.tensors[name].codes().tobytes() == array.tobytes()


@every_protocol
def test_arrays_of_objects_are_no_tensors_but_what_they_hold_is(tmp_path: Path, protocol: int) -> None:
    value = {
        "objects": np.array([None, "x", {"weight": np.arange(3.0)}], object),
        "fields": np.array([(np.arange(2), 1)], [("o", object), ("n", "i4")]),
        "masked": np.ma.MaskedArray(np.arange(3), mask=[False, True, False]),
    }
    checkpoint = pickled(tmp_path, value, protocol)
    (name,) = [name for name in checkpoint.tensors if name.startswith("objects")]
    assert name.endswith("weight")
    np.testing.assert_array_equal(checkpoint.tensors[name].numpy(), np.arange(3.0))
    (name,) = [name for name in checkpoint.tensors if name.startswith("fields")]
    np.testing.assert_array_equal(checkpoint.tensors[name].numpy(), np.arange(2))


@every_protocol
def test_numpy_scalars_are_values(tmp_path: Path, protocol: int) -> None:
    value: dict[str, np.generic] = {
        "f": np.float32(0.5),
        "i": np.int64(-3),
        "c": np.complex128(1 - 2j),
        "b": np.bool_(False),
    }
    value |= {"s": np.str_("ç"), "big": np.float64(1e300), "nan": np.float16("nan")}
    checkpoint = pickled(tmp_path, value, protocol)
    assert checkpoint.problems == ()
    assert alike(shown(checkpoint), {key: scalar.item() for key, scalar in value.items()})


# -- containers and scalars ------------------------------------------------------------------

VALUES: dict[str, Any] = {
    "none": None,
    "numbers": {"int": -(2**40), "long": 2**100, "float": 0.1, "nan": float("nan"), "inf": -float("inf"), "z": -0.0},
    "bools": [True, False],
    "complex": 1 - 2j,
    "text": "snow ☃ \ud800 \x00 \n tab\t é",
    "bytes": b"\0\xff" * 10,
    "long text": "long ☃ " * 500,
    "long bytes": bytes(range(256)) * 20,
    "bytearray": bytearray(b"abc"),
    "tuple": ((), (1,), (1, (2, None)), ("a", "b", "c", "d")),
    "list": [[], [1, [2, {}]], [None, "a", 1.5]],
    "sets": [{1, 2, 3}, frozenset("ab"), set(), {(1, 2)}],
    "ordered": collections.OrderedDict([("z", 1), ("a", 2)]),
    "default": collections.defaultdict(list, {"k": [1]}),
    "counter": collections.Counter("abca"),
    "deque": collections.deque([1, {"k": 2}, 3], maxlen=5),
    "keys": {1: "int", 1.5: "float", None: "none", b"b": "bytes", (1, "a"): "tuple", False: "bool", -(2**70): "long"},
}


@every_protocol
@pytest.mark.parametrize("name", VALUES)
def test_every_value_of_pythons_is_shown_as_it_is(tmp_path: Path, name: str, protocol: int) -> None:
    checkpoint = pickled(tmp_path, {name: VALUES[name]}, protocol)
    assert checkpoint.problems == ()
    assert alike(shown(checkpoint), {name: VALUES[name]})
    assert all(use.klass == "known" for use in checkpoint.globals)


@every_protocol
def test_container_types_are_named(tmp_path: Path, protocol: int) -> None:
    checkpoint = pickled(tmp_path, {key: VALUES[key] for key in ("ordered", "default", "counter")}, protocol)
    structure = checkpoint.description.structure
    types = {structure.part[node]: structure.type_name(node) for node in structure.children(0)}
    assert types == {"ordered": "OrderedDict", "default": "defaultdict", "counter": "Counter"}


def test_a_text_too_long_to_show_says_how_much_more_there_is(tmp_path: Path) -> None:
    text = "é" * 100_000
    found = shown(pickled(tmp_path, {"text": text}))["text"]
    assert text.startswith(found["$text"].rstrip("�"))
    assert len(found["$text"].rstrip("�").encode()) + found["$more"] == len(text.encode())


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5)
ARRAY = arrays.arrays(
    st.sampled_from([np.dtype(code) for code in ("<f4", ">f8", "<i2", ">u8", "?", "<c8")]),
    arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
    elements={"allow_nan": False},
)
KEYS = st.text(max_size=4) | st.integers(-5, 5) | st.tuples(st.text(max_size=2), st.integers(0, 3))
NESTED = st.recursive(
    PLAIN | ARRAY,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.dictionaries(st.text(max_size=5), NESTED, min_size=1, max_size=5), st.sampled_from(PROTOCOLS))
@example(value={"~": None, "": np.zeros(2)}, protocol=2)
@example(value={"[1]": 5, "a/b": np.zeros(2)}, protocol=2)
def test_whatever_is_nested_in_whatever_is_shown_as_it_is(tmp_path: Path, value: dict[str, Any], protocol: int) -> None:
    checkpoint = pickled(tmp_path, value, protocol)
    assert checkpoint.problems == ()
    assert alike(shown(checkpoint), pickle.loads(pickle.dumps(value, protocol)))


# -- sharing ----------------------------------------------------------------------------------


@every_protocol
def test_a_container_in_two_places_is_shown_once_and_referred_to(tmp_path: Path, protocol: int) -> None:
    inner = {"k": {"deep": 1}}
    found = shown(pickled(tmp_path, {"first": inner, "second": inner}, protocol))
    assert found["first"] == {"k": {"deep": 1}}
    assert isinstance(found["second"], Alias)


@every_protocol
def test_a_cycle_ends(tmp_path: Path, protocol: int) -> None:
    value: dict[str, Any] = {"name": "outer", "array": np.arange(2)}
    value["list"] = [value, {"self": value}]
    found = shown(pickled(tmp_path, value, protocol))
    assert found["list"] == [Alias(0), {"self": Alias(0)}]


@every_protocol
def test_an_array_in_two_places_is_listed_twice_and_shares_its_bytes(tmp_path: Path, protocol: int) -> None:
    array = np.arange(300.0)
    checkpoint = pickled(tmp_path, {"a": array, "b": {"c": array}}, protocol)
    assert list(checkpoint.tensors) == ["a", "b/c"]
    assert checkpoint.tensors["a"].shared_with == ("b/c",)
    for ref in checkpoint.tensors.values():
        np.testing.assert_array_equal(ref.numpy(), array)


def test_doubled_references_do_not_double_the_work(tmp_path: Path) -> None:
    value: list[Any] = ["laugh"]
    for _ in range(60):
        value = [value, value]
    checkpoint = pickled(tmp_path, {"laughs": value})
    assert len(checkpoint.description.structure) < 200


# -- objects of classes that are only names -----------------------------------------------------


class Plain:
    """A class that a reader must not import."""

    def __init__(self) -> None:
        self.weight = np.arange(4.0)
        self.name = "plain"


class Slotted:
    """State by slots."""

    __slots__ = ("bias",)

    def __init__(self) -> None:
        self.bias = np.arange(2)


class Listed(list[int]):
    """A list with attributes."""


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_objects_show_their_class_and_attributes(tmp_path: Path, protocol: int) -> None:
    listed = Listed([1, 2])
    listed.note = "x"  # type: ignore[attr-defined]
    checkpoint = pickled(tmp_path, {"plain": Plain(), "slots": Slotted(), "listed": listed}, protocol)
    np.testing.assert_array_equal(checkpoint.tensors["plain/weight"].numpy(), np.arange(4.0))
    np.testing.assert_array_equal(checkpoint.tensors["slots/bias"].numpy(), np.arange(2))
    found = shown(checkpoint)
    assert found["plain"][0] == f"{__name__}.Plain"
    assert found["plain"][1]["name"] == "plain"
    assert found["listed"] == (f"{__name__}.Listed", {"$items": [1, 2], "note": "x"})
    unknown = {use.name for use in checkpoint.globals if use.klass == "unknown"}
    assert unknown == {f"{__name__}.{cls.__name__}" for cls in (Plain, Slotted, Listed)}


@pytest.mark.parametrize("protocol", [0, 1])
def test_objects_of_old_protocols_show_theirs_too(tmp_path: Path, protocol: int) -> None:
    checkpoint = pickled(tmp_path, {"plain": Plain()}, protocol)
    np.testing.assert_array_equal(checkpoint.tensors["plain/weight"].numpy(), np.arange(4.0))


# -- pickles of Python 2 ------------------------------------------------------------------------

_ARRAY_2 = (
    b"\x80\x02}q\x00U\x01wq\x01cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\nq\x03K\x00\x85U\x01bq\x04"
    b"\x87Rq\x05(K\x01K\x03\x85cnumpy\ndtype\nq\x06U\x02f4K\x00K\x01\x87Rq\x07(K\x03U\x01<NNNJ\xff\xff\xff\xff"
    b"J\xff\xff\xff\xffK\x00tb\x89U\x0c\x00\x00\x80\xff\x00\x00\xc0\x7f\x00\x00\x80?tbs."
)
_ARRAY_0 = (
    b"(dp0\nS'w'\np1\ncnumpy.core.multiarray\n_reconstruct\np2\n(cnumpy\nndarray\np3\n(I0\ntp4\nS'b'\np5\ntp6\nRp7\n"
    b"(I1\n(I2\ntp8\ncnumpy\ndtype\np9\n(S'i2'\np10\nI0\nI1\ntp11\nRp12\n(I3\nS'>'\np13\nNNNI-1\nI-1\nI0\ntp14\nb"
    b"I00\nS'\\x00\\x01\\xff\\xfe'\np15\ntp16\nbs."
)


@pytest.mark.parametrize("content", [_ARRAY_2, _ARRAY_0], ids=["protocol 2", "protocol 0"])
def test_arrays_of_python_2_are_read(tmp_path: Path, content: bytes) -> None:
    expected = pickle.loads(content, encoding="latin1")["w"]
    found = written(tmp_path, content).tensors["w"].numpy()
    assert found.dtype == expected.dtype.newbyteorder("=")
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "content",
    [
        b"(dp0\nS'a'\np1\nI1\nsS'b'\np2\n(lp3\nF1.5\naS'it\\'s\\n'\np4\nas.",
        b"(dp0\nVsnow\\u2603\np1\nL12345678901234567890L\nsS'no'\np2\nI00\nsS'yes'\np3\nI01\nsS'none'\np4\nNs.",
        b"}q\x00(U\x01aq\x01K\x05U\x01bq\x02]q\x03(K\x01M\x00\x02J\xff\xff\xff\xffeu.",
        b"(lp0\n(dp1\nS'k'\np2\n(I1\nI2\ntp3\nsa.",
        b"(S'key'\nI7\nd.",
        b"\x80\x02}q\x00(U\x04sizeq\x01c__builtin__\nset\nq\x02]q\x03(K\x01K\x02e\x85Rq\x04u.",
        b"\x80\x02}q\x00(U\x04dictq\x05ccollections\nOrderedDict\nq\x06]q\x07]q\x08(U\x01aK\x01ea\x85Rq\x09u.",
    ],
)
def test_hand_written_pickles_hold_what_python_unpickles(tmp_path: Path, content: bytes) -> None:
    checkpoint = written(tmp_path, content)
    assert checkpoint.format == "pickle"
    assert alike(shown(checkpoint), pickle.loads(content, encoding="latin1"))


# -- damage -------------------------------------------------------------------------------------


@every_protocol
def test_cut_off_anywhere_it_opens_in_part_or_says_why_not(tmp_path: Path, protocol: int) -> None:
    content = pickle.dumps({"a": np.arange(3.0), "b": [1, {"c": np.arange(400)}], "d": "text"}, protocol)
    path = tmp_path / "value.pkl"
    for length in {*np.linspace(0, len(content) - 1, 50, dtype=int).tolist(), *range(len(content) - 10, len(content))}:
        path.write_bytes(content[:length])
        try:
            checkpoint = open_checkpoint(path)
        except CannotOpen as error:
            assert "value.pkl" in str(error)  # noqa: PT017  # which of the two it is depends on the length
            continue
        assert checkpoint.problems
        assert int(checkpoint.description.structure.kind[0]) in (Node.MAPPING, Node.SCALAR, Node.OBJECT)
