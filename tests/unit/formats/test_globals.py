"""Globals by their names: known, unknown, dangerous; and lines with which torch really loads the file."""

from __future__ import annotations

import _compat_pickle
import argparse
import collections
import datetime as dt
import decimal
import fractions
import pathlib
import subprocess
import sys
import types
import uuid
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch._weights_only_unpickler import _get_allowed_globals

from sdviewer.checkpoint.document import GlobalUse
from sdviewer.formats import globals as known_globals
from sdviewer.formats.globals import allowed_by_torch, classify, python3_name, torch_lines, torchscript_lines, uses
from sdviewer.formats.opening import open_checkpoint

KNOWN = """
    torch._utils._rebuild_tensor_v2  torch._utils._rebuild_parameter  torch._tensor._rebuild_from_type_v2
    torch.FloatStorage  torch.cuda.HalfStorage  torch.storage.UntypedStorage  torch.sparse.FloatTensor
    torch.bfloat16  torch.float8_e4m3fn  torch.Size  torch.device  torch.serialization._get_layout
    torch.nn.parameter.Parameter  torch.nn.modules.linear.Linear  torch.nn.modules.container.Sequential
    torch.nn.backends.thnn._get_thnn_function_backend  torch.optim.adam.Adam  torch.optim.lr_scheduler.StepLR
    torch.ao.nn.quantized.modules.linear.Linear  torch.quantization.observer.MinMaxObserver
    torch.jit._pickle.build_intlist  torch.nested._internal.nested_tensor._rebuild_njt
    torch.distributed.checkpoint.metadata.TensorStorageMetadata
    __torch__.torch.nn.modules.conv.___torch_mangle_3.Conv2d  __torch__.torch.classes.xnnpack.LinearOpContext
    collections.OrderedDict  collections.defaultdict  collections.Counter  collections.deque
    builtins.set  __builtin__.set  builtins.complex  builtins.slice  __builtin__.xrange  _codecs.encode
    copyreg._reconstructor  copy_reg._reconstructor  datetime.datetime  decimal.Decimal  pathlib.PosixPath
    pathlib._local.PosixPath  argparse.Namespace  types.SimpleNamespace  uuid.UUID  io.BytesIO
    numpy.dtype  numpy.ndarray  numpy.core.multiarray._reconstruct  numpy._core.multiarray.scalar  numpy.float32
""".split()  # noqa: SIM905  # a table of names

UNKNOWN = """
    __main__.Net  models.yolo.DetectionModel  torch.nn.functional.relu  torch._C._nn.gelu  timm.layers.norm.LayerNorm
    torch.utils.data.dataloader.DataLoader  omegaconf.dictconfig.DictConfig  collections.namedtuple  re.compile
    torch.optim.lr_scheduler.partial  mypackage.types.Config  mypackage.io.Reader
    transformers.training_args.TrainingArguments
""".split()  # noqa: SIM905  # a table of names

DANGEROUS = """
    os.system  posix.system  nt.system  os.popen  subprocess.Popen  subprocess.check_output  commands.getoutput
    builtins.eval  builtins.exec  __builtin__.eval  builtins.compile  builtins.__import__  builtins.open
    builtins.getattr  builtins.setattr  builtins.map  __builtin__.apply  __builtin__.execfile  __builtin__.reduce
    operator.attrgetter  operator.methodcaller  functools.partial  importlib.import_module  runpy.run_path
    pickle.loads  cPickle.loads  marshal.loads  dill.loads  joblib.load  shelve.open  code.interact  pdb.run
    socket.socket  urllib.request.urlopen  urllib2.urlopen  requests.get  http.client.HTTPConnection  webbrowser.open
    shutil.rmtree  pathlib.Path.unlink  pathlib.PosixPath.write_text  tempfile.mktemp  io.open  io.FileIO
    ctypes.CDLL  pty.spawn  multiprocessing.Process  threading.Thread  thread.start_new_thread  asyncio.run
    types.FunctionType  types.CodeType  timeit.timeit  cProfile.run  doctest.debug_script  pip.main
    torch.load  torch.save  torch.from_file  torch.hub.load  torch.jit.load  torch.compile  torch.ops.load_library
    torch.storage._load_from_bytes  torch.serialization.load  torch.utils.cpp_extension.load
    torch.utils.collect_env.run  torch._inductor.codecache.compile_file  torch.distributed.rpc.rpc_sync
    torch._C.PyTorchFileWriter  torch.multiprocessing.spawn  torch.utils.model_zoo.load_url
    numpy.load  numpy.ndarray.tofile  numpy.memmap  numpy.testing._private.utils.runstring  pandas.read_pickle
    uuid._popen  cgitb.lookup  sqlite3.connect  zipfile.ZipFile  logging.config.dictConfig  yaml.load
    torch._utils.os.system  torch.serialization.os.system  torch.nn.modules.module.os.system  torch.optim.os.system
    torch.optim.lr_scheduler.types.FunctionType  torch.nn.modules.container.operator.attrgetter
    torch.ao.quantization.observer.torch.load  collections.OrderedDict.__class__.__subclasses__
    torch.nn.modules.linear.Linear.__init__.__globals__  numpy.core.os.system  a.b.c.d.e.os.system
""".split()  # noqa: SIM905  # a table of names


@pytest.mark.parametrize("name", KNOWN)
def test_what_only_holds_values_is_known(name: str) -> None:
    assert classify(name) == "known"


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_nobody_vouches_for_is_unknown(name: str) -> None:
    assert classify(name) == "unknown"


@pytest.mark.parametrize("name", DANGEROUS)
def test_what_runs_code_or_touches_files_is_dangerous(name: str) -> None:
    assert classify(name) == "dangerous"


def test_extensions_of_copyreg_may_be_anything() -> None:
    assert classify("copyreg.extension 200") == "dangerous"


def test_a_name_that_no_honest_file_has_is_dangerous_and_takes_no_time() -> None:
    assert classify("a." * 1_000_000 + "b") == "dangerous"
    assert classify("torch." + " " * 1_000_000 + "Storage") == "dangerous"


def test_all_that_torch_allows_is_allowed_here_and_no_more() -> None:
    allowed = set(_get_allowed_globals())
    assert {name for name in allowed if not allowed_by_torch(name)} == set()
    assert {name for name in known_globals._TORCH_ALLOWS if python3_name(name) not in allowed} == set()
    assert {name for name in allowed if classify(name) != "known"} == set()


def test_a_name_of_python_2_is_judged_by_what_pickle_makes_of_it() -> None:
    for (module, name), (new_module, new_name) in _compat_pickle.NAME_MAPPING.items():
        assert classify(f"{module}.{name}") == classify(f"{new_module}.{new_name}")
    for old, new in _compat_pickle.IMPORT_MAPPING.items():
        if classify(f"{new}.anything") == "dangerous":
            assert classify(f"{old}.anything") == "dangerous"


def test_uses_are_told_once_and_the_dangerous_first() -> None:
    found = uses(["collections.OrderedDict", "a.B", "os.system", "a.B"])
    assert found == (
        GlobalUse("os.system", "dangerous"),
        GlobalUse("a.B", "unknown"),
        GlobalUse("collections.OrderedDict", "known"),
    )


# -- lines for torch --------------------------------------------------------------------------------

VALUES: dict[str, Any] = {
    "nothing special": [1, "a", None, 2.5, True, {"a": (1,)}],
    "namespace": argparse.Namespace(lr=0.1),
    "path": pathlib.PurePosixPath("/data"),
    "numpy scalar": np.float64(1.5),
    "numpy bool": np.bool_(True),
    "numpy text": np.str_("a"),
    "numpy array": np.arange(3.0),
    "numpy dtype": np.dtype("f4"),
    "default dict": collections.defaultdict(list, a=[1]),
    "deque": collections.deque([1]),
    "date": dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
    "fraction": fractions.Fraction(1, 2),
    "decimal": decimal.Decimal("1.5"),
    "frozenset": frozenset({1}),
    "set": {1, 2},
    "slice": slice(1, 2),
    "range": range(3),
    "uuid": uuid.UUID(int=3),
    "simple namespace": types.SimpleNamespace(a=1),
    "complex": 1 + 2j,
    "bytes": b"abc",
    "module": torch.nn.Linear(2, 1),
}

_LOAD_EACH = """
import os, sys, warnings
warnings.simplefilter("ignore")
import torch
for lines in sys.stdin.read().split("\\f"):
    torch.serialization.clear_safe_globals()
    try:
        exec(lines)
        print(repr(checkpoint["value"]).replace("\\n", " "))
    except Exception as error:
        print(type(error).__name__, str(error)[-200:].replace("\\n", " "))
"""


def test_the_lines_load_the_file(tmp_path: Path) -> None:
    all_lines = []
    for number, value in enumerate(VALUES.values()):
        torch.save({"weight": torch.zeros(2), "value": value}, tmp_path / f"{number}.pt")
        all_lines.append("\n".join(open_checkpoint(tmp_path / f"{number}.pt").description.torch_lines))
    done = subprocess.run(
        [sys.executable, "-c", _LOAD_EACH],
        input="\f".join(all_lines), capture_output=True, text=True, cwd=tmp_path, check=True, timeout=100,
    )  # fmt: skip
    loaded = dict(zip(VALUES, done.stdout.splitlines(), strict=True))
    assert loaded == {name: repr(value).replace("\n", " ") for name, value in VALUES.items()}


def test_only_what_torch_refuses_otherwise_is_loaded_without_its_guard(tmp_path: Path) -> None:
    unguarded = set()
    for name, value in VALUES.items():
        torch.save({"weight": torch.zeros(2), "value": value}, tmp_path / "saved.pt")
        if "weights_only=False" in "\n".join(open_checkpoint(tmp_path / "saved.pt").description.torch_lines):
            unguarded.add(name)
    assert unguarded == {"deque", "default dict"}


def test_names_of_old_numpy_are_allowed_by_the_names_in_the_file() -> None:
    lines = torch_lines("a.pt", uses(["numpy.core.multiarray.scalar", "numpy.dtype"]), weights_only_reads=True)
    assert '(numpy._core.multiarray.scalar, "numpy.core.multiarray.scalar")' in lines[-2]
    # They can be run as they are.
    exec("\n".join(lines[:-1]), {})  # noqa: S102  # our own lines
    torch.serialization.clear_safe_globals()


@pytest.mark.parametrize("make", [torchscript_lines, partial(torch_lines, weights_only_reads=True)])
def test_a_dangerous_file_gets_a_warning_and_no_line_that_loads_it(make: Any) -> None:
    for name in ("os.system", "os.system\nimport evil", "builtins." + "x" * 2000):
        lines = make("a.pt", uses([name]))
        assert len(lines) == 1
        assert lines[0].startswith("# do not load this file")
        assert "\n" not in lines[0]


def test_a_name_that_cannot_be_written_in_python_is_not_written() -> None:
    lines = torch_lines("a.pt", uses(["a.b c", "a.x; import evil"]), weights_only_reads=True)
    assert "weights_only=False" in lines[-1]
    assert not any("evil" in line for line in lines)


def test_a_file_name_is_quoted() -> None:
    lines = torch_lines('/folder/it\'s "here"\n.pt', (), weights_only_reads=True)
    name = 'it\'s "here"\n.pt'
    assert lines[-1] == f'checkpoint = torch.load({name!r}, map_location="cpu", weights_only=True)'


def test_a_scripted_module_is_loaded_by_torch_jit() -> None:
    assert torchscript_lines("/a/b.pt", ()) == ("import torch", "module = torch.jit.load('b.pt', map_location=\"cpu\")")
