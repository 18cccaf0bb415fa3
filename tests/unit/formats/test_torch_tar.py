"""The tar archives of old torch are read as torch still reads them, and other tars are refused."""

from __future__ import annotations

import pickle
import tarfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import nn

import sdviewer
from sdviewer.checkpoint.source import read_bytes
from sdviewer.checkpoint.table import Flag
from sdviewer.errors import CannotOpen, CannotRead, Damaged, LimitExceeded, NotACheckpoint
from tests.helpers import opcodes as op
from tests.helpers.conformance import ReaderConformance, assert_holds, raw_bytes
from tests.helpers.npy import kinds
from tests.helpers.old_tar import DTYPES, members_of, save, storages_of, write_tar

pytestmark = pytest.mark.filterwarnings(
    # Torch unpacks the archive with tarfile, whose newer versions want to be told a filter.
    "ignore:Python 3.14 will, by default, filter extracted tar archives:DeprecationWarning"
)


def loaded(path: Path) -> Mapping[str, torch.Tensor]:
    """What torch makes of it today."""
    value: Mapping[str, torch.Tensor] = torch.load(path, weights_only=False)
    return value


class TestTorchTar(ReaderConformance):
    """A state_dict as torch 0.1.9 saved it."""

    suffix = ".pt"
    dtypes = DTYPES
    # The pickle in front of each of the twelve storages is read by 128 bytes.
    overread = 12 * 128

    def write(self, path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
        save(OrderedDict(tensors), path)

    def oracle(self, path: Path) -> Mapping[str, torch.Tensor]:
        return loaded(path)


def some_tensors() -> dict[str, torch.Tensor]:
    """Views of one storage, a tensor under two names, and a scalar."""
    base = torch.arange(24.0)
    first = base.reshape(4, 6)
    return {"first": first, "column": first[:, 2], "turned": first.t(), "tied": first, "scalar": torch.tensor(3.5)}


def test_views_share_their_storage_and_have_their_strides(tmp_path: Path) -> None:
    path = save(some_tensors(), tmp_path / "views.pt")
    expected = loaded(path)
    with sdviewer.open(path) as checkpoint:
        assert (checkpoint.format, checkpoint.problems) == ("torch tar", ())
        assert_holds(checkpoint, expected)
        for name, ref in checkpoint.tensors.items():
            assert ref.stride == expected[name].stride()
            assert ref.torch().stride() == expected[name].stride()
        assert set(checkpoint.tensors["first"].shared_with) == {"column", "turned", "tied"}
        assert checkpoint.description.unshown_bytes == 0


def test_views_of_storages_are_found(tmp_path: Path) -> None:
    members = members_of({"t": torch.zeros(2)})
    (key,) = (value for value in _numbers(members["pickle"]))
    members["storages"] = storages_of([(1, "Float", torch.arange(6.0).numpy().tobytes(), 4)], [(2, 1, 3, 2)])
    members["tensors"] = pickle.dumps(1, 2) + op.program(
        op.tuple_of(op.number(key), op.number(2), op.named("torch", "FloatTensor"))
    )
    members["tensors"] += (1).to_bytes(8, "little") + b"".join(n.to_bytes(8, "little") for n in (2, 1, 0))
    path = write_tar(tmp_path / "view.pt", members)
    with sdviewer.open(path) as checkpoint:
        assert_holds(checkpoint, loaded(path))
        assert checkpoint.tensors["t"].numpy().tolist() == [3.0, 4.0]


def _numbers(raw: bytes) -> list[int]:
    """The persistent ids of a pickle."""
    found: list[int] = []

    class Reader(pickle._Unpickler):
        def persistent_load(self, pid: int) -> None:
            found.append(pid)

    import io

    Reader(io.BytesIO(raw)).load()
    return found


class Net(nn.Module):
    """A module of a class that only the tests have."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)
        self.norm = nn.BatchNorm1d(2)


def test_a_whole_module_has_the_names_of_its_state_dict_and_shows_its_code(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = Net()
    code = "class Net(nn.Module):\n    pass\n" + "# long\n" * 300
    path = save(net, tmp_path / "module.pt", {Net: code, nn.Linear: "class Linear: ..."})
    with sdviewer.open(path) as checkpoint:
        assert_holds(checkpoint, net.state_dict())
        texts = {text.name: text for text in checkpoint.description.texts}
        assert set(texts) == {f"{Net.__module__}.Net.py", "torch.nn.modules.linear.Linear.py"}
        text = texts[f"{Net.__module__}.Net.py"]
        assert read_bytes(checkpoint.sources.get(text.source), text.offset, text.nbytes).decode() == code
        assert f"{Net.__module__}.Net" in [use.name for use in checkpoint.globals]


def test_the_lines_shown_load_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save(some_tensors(), Path("old.pt"))
    found: dict[str, dict[str, torch.Tensor]] = {}
    exec("\n".join(sdviewer.open("old.pt").description.torch_lines), found)  # noqa: S102  # our own lines
    assert set(found["checkpoint"]) == set(some_tensors())


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("folder", ["", "./"])
def test_an_archive_that_was_packed_again_is_read(tmp_path: Path, form: int, folder: str) -> None:
    members = members_of(some_tensors())
    path = write_tar(tmp_path / "again.pt", {folder + name: members[name] for name in reversed(members)}, form)
    with sdviewer.open(path) as checkpoint:
        assert checkpoint.problems == ()
        assert_holds(checkpoint, loaded(save(some_tensors(), tmp_path / "once.pt")))


def test_an_archive_without_a_table_of_tensors_shows_those_that_its_pickle_names(tmp_path: Path) -> None:
    stored = op.tuple_of(
        op.text("storage"), op.named("torch", "FloatStorage"), op.text("0"), op.text("cpu"), op.number(6)
    )
    members = {
        "sys_info": pickle.dumps({}, 2),
        "pickle": op.program(op.dict_of(op.text("w"), op.tensor(stored, *_pair(2, 3), op.number(0)))),
        "storages": pickle.dumps(1, 2)
        + op.program(op.tuple_of(op.text("0"), op.text("cpu"), op.named("torch", "FloatStorage")))
        + (6).to_bytes(8, "little")
        + torch.arange(6.0).numpy().tobytes(),
    }
    with sdviewer.open(write_tar(tmp_path / "odd.tar", members)) as checkpoint:
        assert checkpoint.tensors["w"].numpy().tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
        assert kinds(checkpoint) == ["irregular"]
        assert checkpoint.description.torch_lines == ()


def _pair(rows: int, columns: int) -> tuple[bytes, bytes]:
    """Size and stride of a matrix."""
    return op.tuple_of(op.number(rows), op.number(columns)), op.tuple_of(op.number(columns), op.number(1))


def test_other_tars_are_refused_with_a_hint(tmp_path: Path) -> None:
    others = write_tar(tmp_path / "photos.tar", {f"{i}.jpg": b"x" * 600 for i in range(100)})
    with pytest.raises(CannotOpen, match=r"is a tar archive.*unpack it"):
        sdviewer.open(others)
    with pytest.raises(NotACheckpoint, match=r"not of a checkpoint.*unpack it"):
        sdviewer.open(write_tar(tmp_path / "misnamed.tar", {"pickle": b"x", "jar": b"y"}))
    with pytest.raises(Damaged, match="ends before its pickle"):
        sdviewer.open(write_tar(tmp_path / "half.tar", {"sys_info": pickle.dumps({}, 2)}))


def test_missing_storages_leave_the_tensors_described(tmp_path: Path) -> None:
    members = members_of(some_tensors())
    del members["storages"]
    with sdviewer.open(write_tar(tmp_path / "lost.pt", members)) as checkpoint:
        assert {name: (ref.dtype, ref.shape) for name, ref in checkpoint.tensors.items()} == {
            name: ("float32", tuple(tensor.shape)) for name, tensor in some_tensors().items()
        }
        assert "partial" in kinds(checkpoint)
        assert all(Flag.OUT_OF_BOUNDS in ref.flags for ref in checkpoint.tensors.values())


def test_cut_off_at_any_byte_of_a_member_it_opens_in_part_or_says_why_not(tmp_path: Path) -> None:
    tensors = {"a": torch.arange(4.0), "b": torch.arange(6).reshape(2, 3)}
    members = members_of(tensors)
    for name, content in members.items():
        for length in range(0, len(content), 3):
            path = write_tar(tmp_path / "cut.pt", {**members, name: content[:length]})
            try:
                checkpoint = sdviewer.open(path)
            except CannotOpen as error:
                assert str(path) in str(error)  # noqa: PT017  # which of the two it is may differ
                continue
            with checkpoint:
                for key, ref in checkpoint.tensors.items():
                    try:
                        assert ref.codes().tobytes() == raw_bytes(tensors[key])
                    except CannotRead:
                        assert checkpoint.problems
                assert checkpoint.problems or len(checkpoint.tensors) == 2


@pytest.mark.parametrize(
    ("member", "content"),
    [
        ("storages", op.program(op.text("many"))),
        ("storages", op.program(op.number(-1))),
        ("storages", op.program(op.number(1)) + op.program(b"(" * 1000 + b")" + b"\x85" * 100_000)),
        ("storages", op.program(op.number(1)) + op.program(op.tuple_of(op.NONE, op.NONE, op.named("os", "system")))),
        ("tensors", op.program(op.number(1)) + op.program(op.tuple_of(op.number(1), op.EMPTY_LIST, op.NONE))),
        (
            "tensors",
            op.program(op.number(1)) + op.program(op.tuple_of(op.number(1), op.number(1), op.NONE)) + b"\xff" * 99,
        ),
    ],
)
def test_tables_that_make_no_sense_are_told(tmp_path: Path, member: str, content: bytes) -> None:
    members = members_of({"a": torch.arange(4.0)})
    with sdviewer.open(write_tar(tmp_path / "odd.pt", {**members, member: content})) as checkpoint:
        assert "partial" in kinds(checkpoint)


def test_more_storages_than_any_model_has_are_refused(tmp_path: Path) -> None:
    members = {**members_of({}), "storages": pickle.dumps(10**9, 2)}
    with pytest.raises(LimitExceeded, match="1,000,000,000"):
        sdviewer.open(write_tar(tmp_path / "many.pt", members))


def test_calls_in_the_pickle_are_named_and_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    call = op.called(op.named("os", "mkdir"), op.text(str(marker)))
    members = {**members_of({}), "pickle": op.program(op.dict_of(op.text("x"), call))}
    with sdviewer.open(write_tar(tmp_path / "evil.pt", members)) as checkpoint:
        assert "dangerous_global" in kinds(checkpoint)
        assert checkpoint.description.torch_lines[0].startswith("# do not load this file")
    assert not marker.exists()
