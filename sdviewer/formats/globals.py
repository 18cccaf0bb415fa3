"""Globals that pickles name, sorted into known, unknown and dangerous, and how torch would load the file.

Known: torch's own weights-only loader takes them, or they are harmless data classes. Dangerous: calling
them can run code, touch files or talk to the network. All others are unknown. Nothing is imported to tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePath

from sdviewer.checkpoint.document import GlobalClass, GlobalUse
from sdviewer.checkpoint.dtypes import DTYPES

# torch 2.13, torch._weights_only_unpickler._get_allowed_globals: functions and types beside dtypes and classes
# of tensors and storages.
_TORCH_ALLOWS = frozenset(
    {
        "_codecs.encode",
        "builtins.bytearray",
        "builtins.complex",
        "builtins.set",
        "__builtin__.bytearray",
        "__builtin__.complex",
        "__builtin__.set",
        "collections.Counter",
        "collections.OrderedDict",
        "torch.Size",
        "torch.device",
        "torch.nn.parameter.Parameter",
        "torch.serialization._get_layout",
        "torch._tensor._rebuild_from_type_v2",
        *(
            f"torch._utils._rebuild_{name}"
            for name in (
                "tensor",
                "tensor_v2",
                "tensor_v3",
                "parameter",
                "parameter_with_state",
                "qtensor",
                "sparse_tensor",
                "nested_tensor",
                "meta_tensor_no_storage",
                "wrapper_subclass",
                "device_tensor_from_cpu_tensor",
                "device_tensor_from_numpy",
            )
        ),
        *(f"torch.{dtype.name}" for dtype in DTYPES if dtype.in_torch),
        *(f"torch.per_{scheme}" for scheme in ("tensor_affine", "tensor_symmetric", "channel_affine")),
        "torch.per_channel_symmetric",
        "torch.per_channel_affine_float_qparams",
    }
)
_TORCH_CLASS = re.compile(r"torch(\.cuda|\.sparse|\.storage|\.xpu)?\.\w*(Storage|Tensor)")

# Data classes of the standard library, numpy and torch that only hold values.
_HARMLESS = re.compile(
    r"""
      (builtins|__builtin__)\.(set|frozenset|list|dict|tuple|int|float|str|bytes|bool|complex|bytearray|object|slice|range
                              |unicode|long|NoneType|type|Exception|ValueError)
    | collections\.(OrderedDict|defaultdict|deque|Counter)
    | (copyreg|copy_reg)\.(_reconstructor|__newobj__|__newobj_ex__)
    | datetime\.(datetime|date|time|timedelta|timezone) | decimal\.Decimal | fractions\.Fraction | uuid\.UUID
    | pathlib(\._local)?\.(Pure)?(Posix|Windows)?Path | argparse\.Namespace | types\.SimpleNamespace
    | (numpy\.core|numpy\._core)\.(multiarray\.(_reconstruct|scalar)|numeric\._frombuffer)
    | numpy\.(ndarray|dtype|bool_?|int\d+|uint\d+|float\d+|complex\d+|str_|bytes_)
    | numpy\.random\._pickle\.\w+
    | numpy\.dtypes\.\w+
    | torch\._utils\._rebuild_\w+ | torch\._tensor\._rebuild_from_type(_v2)? | torch\.tensor\._rebuild_from_type_v2
    | torch\.nested\._internal\.nested_tensor\.(_rebuild_njt|NestedTensor) | torch\._dynamo\.decorators\._DimRange
    | torch\.jit\._pickle\.(build_(int|tensor|double|bool)list|restore_type_tag)
    | torch\.(strided|sparse_coo|sparse_csr|contiguous_format|preserve_format|channels_last(_3d)?|Generator|Tensor)
    | torch\.nn\.(modules|parameter|backends|quantized|intrinsic|qat|parallel)\..*
    | torch\.ao\.(nn|quantization)\..* | torch\.quantization\..* | torch\.optim\..*
    | torch\.distributed\.(_tensor|tensor)\..* | torch\.distributed\.checkpoint\.metadata\.\w+
    | __torch__\..*
    """,
    re.VERBOSE,
)

# Modules all of whose contents count as dangerous, with everything below them.
_DANGEROUS_MODULES = frozenset(
    [
        "os",
        "posix",
        "nt",
        "posixpath",
        "ntpath",
        "sys",
        "subprocess",
        "shutil",
        "socket",
        "ssl",
        "pty",
        "runpy",
        "code",
        "codeop",
        "commands",
        "ctypes",
        "_ctypes",
        "cffi",
        "importlib",
        "imp",
        "pkgutil",
        "zipimport",
        "builtins.__dict__",
        "pickle",
        "_pickle",
        "cPickle",
        "cloudpickle",
        "dill",
        "joblib",
        "marshal",
        "shelve",
        "asyncio",
        "multiprocessing",
        "concurrent",
        "threading",
        "_thread",
        "signal",
        "webbrowser",
        "urllib",
        "urllib2",
        "http",
        "httplib",
        "requests",
        "aiohttp",
        "ftplib",
        "smtplib",
        "telnetlib",
        "poplib",
        "imaplib",
        "nntplib",
        "xmlrpc",
        "tempfile",
        "glob",
        "fileinput",
        "io",
        "_io",
        "bdb",
        "pdb",
        "timeit",
        "cProfile",
        "profile",
        "trace",
        "pydoc",
        "doctest",
        "unittest",
        "venv",
        "ensurepip",
        "pip",
        "setuptools",
        "distutils",
        "inspect",
        "types.FunctionType",
        "types.CodeType",
        "gc",
        "atexit",
        "site",
        "sysconfig",
        "platform",
        "numpy.testing",
        "numpy.f2py",
        "numpy.distutils",
        "torch.hub",
        "torch.utils.cpp_extension",
        "torch.utils.bottleneck",
        "torch.utils._config_module",
        "torch.utils.collect_env",
        "torch.utils.data.datapipes",
        "torch.fx.experimental",
        "torch._inductor",
        "torch._dynamo",
        "torch.distributed.elastic",
        "torch.distributed.run",
        "torch.onnx",
        "lib2to3",
        "idlelib",
        "turtledemo",
        "pexpect",
        "paramiko",
        "fabric",
        "IPython",
    ]
)
_DANGEROUS_NAMES = re.compile(
    r"""
      (builtins|__builtin__)\.(eval|exec|execfile|compile|__import__|open|file|input|getattr|setattr|delattr|globals|locals
                              |vars|dir|breakpoint|apply|map|filter|memoryview|super|print|exit|quit|help|reload|callable
                              |classmethod|staticmethod|property|__build_class__)
    | (operator|_operator)\.(attrgetter|itemgetter|methodcaller|call)
    | (functools|_functools)\.(partial|reduce|partialmethod|cached_property)
    | itertools\.(starmap|accumulate) | types\.(FunctionType|CodeType|MethodType|ModuleType|LambdaType)
    | copyreg\.(add_extension|pickle|extension.*) | codecs\.(open|decode|encode|getdecoder)
    | torch\.(load|save|compile|classes|ops)(\..*)?
    | torch\.(serialization\.(load|save)|jit\.(load|script|unsupported.*)|package\..*)
    | torch\.storage\._load_from_bytes
    | numpy\.(load|loads|save|fromfile|memmap|genfromtxt|loadtxt|savetxt) | numpy\.lib\..* | numpy\.ctypeslib\..*
    | logging\.config\..* | yaml\..* | pandas\.(read_pickle|eval|io\..*|core\.computation\..*) | sympy\..*
    """,
    re.VERBOSE,
)
_REACHED_THROUGH = frozenset({"os", "sys", "subprocess", "builtins", "__globals__", "__dict__", "__class__"})


def classify(full_name: str) -> GlobalClass:
    """What to think of a global by its full name."""
    if full_name in _TORCH_ALLOWS or _TORCH_CLASS.fullmatch(full_name) or _HARMLESS.fullmatch(full_name):
        return "known"
    parts = full_name.split(".")
    if any(".".join(parts[:count]) in _DANGEROUS_MODULES for count in range(1, len(parts) + 1)):
        return "dangerous"
    if _DANGEROUS_NAMES.fullmatch(full_name):
        return "dangerous"
    # A dotted name may reach through a module into what that imports: `package.module.os.system`.
    if any(
        part in ("os", "sys", "subprocess", "builtins", "__globals__", "__dict__", "__class__") for part in parts[1:]
    ):
        return "dangerous"
    return "unknown"


def uses(names: Iterable[str]) -> tuple[GlobalUse, ...]:
    """Each name with its class, dangerous first, then unknown, else as in the file."""
    rank = {"dangerous": 0, "unknown": 1, "known": 2}
    found = [GlobalUse(name, classify(name)) for name in dict.fromkeys(names)]
    return tuple(sorted(found, key=lambda use: rank[use.klass]))


def allowed_by_torch(full_name: str) -> bool:
    """Whether `torch.load(weights_only=True)` takes this global without being told."""
    return full_name in _TORCH_ALLOWS or _TORCH_CLASS.fullmatch(full_name) is not None


def torch_lines(path: str, found: Sequence[GlobalUse], *, weights_only_reads: bool) -> tuple[str, ...]:
    """The lines of Python with which torch loads the file.

    `weights_only_reads` is false for containers that torch reads only with `weights_only=False`.
    """
    name = PurePath(path).name
    dangerous = [use.name for use in found if use.klass == "dangerous"]
    if dangerous:
        return (f"# do not load this file: it calls {', '.join(dangerous[:5])}",)
    if not weights_only_reads:
        return (
            "import torch",
            "# only if you trust whoever made the file: this runs what it says",
            f'checkpoint = torch.load({name!r}, map_location="cpu", weights_only=False)',
        )
    refused = [use.name for use in found if not allowed_by_torch(use.name)]
    load = f'checkpoint = torch.load({name!r}, map_location="cpu", weights_only=True)'
    if not refused:
        return ("import torch", load)
    importable = [full for full in refused if all(part.isidentifier() for part in full.split("."))]
    if len(importable) < len(refused):
        return torch_lines(path, found, weights_only_reads=False)
    # Protocols below 3 write Python 2's names, which torch translates.
    importable = [full.replace("__builtin__.", "builtins.").replace("copy_reg.", "copyreg.") for full in importable]
    modules = dict.fromkeys(full.rpartition(".")[0] for full in importable)
    listed = ", ".join(full.removeprefix("builtins.").removeprefix("__main__.") for full in importable)
    return (
        "import torch",
        *(f"import {module}" for module in modules if module not in ("torch", "builtins", "__main__")),
        f"torch.serialization.add_safe_globals([{listed}])",
        load,
    )


def torchscript_lines(path: str, found: Sequence[GlobalUse]) -> tuple[str, ...]:
    """The lines with which torch loads a TorchScript file, which runs its code when it is called."""
    if any(use.klass == "dangerous" for use in found):
        return torch_lines(path, found, weights_only_reads=False)
    return ("import torch", f'module = torch.jit.load({PurePath(path).name!r}, map_location="cpu")')
