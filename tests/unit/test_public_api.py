"""`import sdviewer` is what its docstring says, costs little, and nothing of it changes unnoticed."""

from __future__ import annotations

import doctest
import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

import sdviewer
from sdviewer.errors import SdviewerError

PUBLIC = {
    "AmbiguousName",
    "Cancelled",
    "CannotOpen",
    "CannotRead",
    "CannotWrite",
    "Checkpoint",
    "Comparison",
    "Control",
    "Damaged",
    "ExportPlan",
    "FileMissing",
    "HelperDied",
    "LimitExceeded",
    "MissingBytes",
    "NameNotFound",
    "NotACheckpoint",
    "NotDecodable",
    "NotDense",
    "NotPermitted",
    "ScanResult",
    "SdviewerError",
    "SourceChanged",
    "TensorRef",
    "TensorStatistics",
    "UnsupportedFormat",
    "__version__",
    "compare",
    "open",
    "plan",
    "scan",
}


def test_the_public_names_are_these() -> None:
    assert set(sdviewer.__all__) == PUBLIC
    assert dir(sdviewer) == sorted(PUBLIC)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_public_name_is_there_and_says_what_it_is(name: str) -> None:
    value = getattr(sdviewer, name)
    assert value is getattr(sdviewer, name)
    if name != "__version__":
        assert value.__doc__


def test_errors_are_all_public() -> None:
    def below(kind: type[SdviewerError]) -> set[str]:
        return {kind.__name__}.union(
            *(below(sub) for sub in kind.__subclasses__() if sub.__module__ == kind.__module__)
        )

    assert below(SdviewerError) <= PUBLIC


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        sdviewer.nothing_of_the_kind  # noqa: B018  # looking it up is the test


def test_no_public_name_is_that_of_a_subpackage() -> None:
    # Importing the submodule would put it in the place of the function.
    submodules = {module.name for module in pkgutil.iter_modules(sdviewer.__path__)}
    assert not submodules & PUBLIC
    for name in sorted(submodules - {"__main__", "ui", "cli"}):
        importlib.import_module(f"sdviewer.{name}")
    assert callable(sdviewer.open)
    assert isinstance(sdviewer.Checkpoint, type)


def test_the_examples_of_the_docstring_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.safetensors"
    save_file(
        {
            "embed.weight": np.zeros((4, 2), np.float32),
            "head.bias": np.array([0, 0.5, 1], np.float32),
        },
        path,
    )
    monkeypatch.chdir(tmp_path)
    tests = doctest.DocTestFinder(recurse=False).find(sdviewer, "sdviewer", globs={"path": str(path)})
    assert sum(len(test.examples) for test in tests) >= 9
    runner = doctest.DocTestRunner()
    problems: list[str] = []
    for test in tests:
        runner.run(test, out=problems.append)
    assert problems == []


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.pt"
    torch.save({"model": {"a.w": torch.arange(6.0).reshape(2, 3)}, "epoch": 3}, path)
    return path


def test_a_path_may_be_a_text_or_a_path(small: Path) -> None:
    for path in (small, str(small)):
        with sdviewer.open(path) as checkpoint:
            assert checkpoint.path == str(small)
            assert list(checkpoint.tensors) == ["model/a.w"]


def test_values_can_be_read_after_closing(small: Path) -> None:
    with sdviewer.open(small) as checkpoint:
        ref = checkpoint.tensors["model/a.w"]
    checkpoint.close()
    assert ref.numpy().tolist() == [[0, 1, 2], [3, 4, 5]]
    checkpoint.close()


def test_opening_can_be_cancelled(small: Path) -> None:
    control = sdviewer.Control()
    control.cancel()
    with pytest.raises(sdviewer.Cancelled):
        sdviewer.open(small, control)


def test_what_cannot_be_opened_is_an_error_of_the_tree(tmp_path: Path) -> None:
    with pytest.raises(sdviewer.FileMissing) as missing:
        sdviewer.open(tmp_path / "none.pt")
    assert isinstance(missing.value, FileNotFoundError)
    assert missing.value.file == str(tmp_path / "none.pt")
    (tmp_path / "text.pt").write_text("no checkpoint")
    with pytest.raises(sdviewer.CannotOpen):
        sdviewer.open(tmp_path / "text.pt")


def run_fresh(code: str, *arguments: str) -> str:
    """What a new Python prints that runs `code`; its warnings are errors."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("COV")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


HEAVY = ("torch", "PySide6", "shiboken6", "pyqtgraph", "numba", "llvmlite")


def test_importing_costs_neither_numpy_nor_anything_heavy() -> None:
    loaded = run_fresh("import sys, sdviewer; print(*sorted(sys.modules))").split()
    assert "sdviewer" in loaded
    assert not {*HEAVY, "numpy"} & set(loaded)


def test_opening_a_file_and_reading_its_tree_and_values_imports_nothing_heavy(small: Path) -> None:
    code = """
import sys, sdviewer
checkpoint = sdviewer.open(sys.argv[1])
assert len(checkpoint.tree) > 3
assert checkpoint.tensors["model/a.w"].numpy()[1, 2] == 5
assert checkpoint.tensors.find("a.w").role == "unknown" and checkpoint.problems == ()
print(*sorted(sys.modules))
"""
    loaded = run_fresh(code, str(small)).split()
    assert "numpy" in loaded
    assert not set(HEAVY) & set(loaded)


def test_torch_is_imported_when_a_torch_tensor_is_asked_for(small: Path) -> None:
    code = """
import sys, sdviewer
tensor = sdviewer.open(sys.argv[1]).tensors["model/a.w"].torch()
print(type(tensor).__module__, tensor.sum().item())
"""
    assert run_fresh(code, str(small)).split() == ["torch", "15.0"]


def test_the_package_is_marked_as_typed() -> None:
    assert (Path(sdviewer.__path__[0]) / "py.typed").is_file()
