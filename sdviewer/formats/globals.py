"""Globals that pickles name, sorted into known, unknown and dangerous, and how torch would load the file.

Known: torch's own weights-only loader takes them, or they are harmless data classes. Dangerous: calling
them can run code, touch files or talk to the network. All others are unknown. Nothing is imported to tell.
"""

from __future__ import annotations

import re
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Iterable, Sequence
from pathlib import PurePath

from sdviewer.checkpoint.document import GlobalClass, GlobalUse
from sdviewer.checkpoint.dtypes import DTYPES
from sdviewer.checkpoint.wording import shown

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
_TORCH_CLASS = re.compile(r"torch(\.cuda|\.sparse|\.cuda\.sparse|\.storage|\.xpu)?\.\w*(Storage|Tensor)")

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
    | torch\.(nn\.(modules|parameter|backends|quantized|intrinsic|qat|parallel)|ao\.(nn|quantization)|quantization|optim
             |distributed\.(_tensor|tensor))(\.\w+)*\._?[A-Z]\w*
    | torch\.nn\.backends\.thnn\._get_thnn_function_backend | torch\.distributed\.checkpoint\.metadata\.\w+
    | torch\.distributed\.checkpoint\.filesystem\._StorageInfo
    | (io|_io|StringIO|cStringIO)\.(BytesIO|StringIO)
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
        "cgitb",
        "_osx_support",
        "_aix_support",
        "_pyrepl",
        "winreg",
        "_winreg",
        "_winapi",
        "msvcrt",
        "mmap",
        "tkinter",
        "Tkinter",
        "sqlite3",
        "dbm",
        "anydbm",
        "zipfile",
        "tarfile",
        "gzip",
        "bz2",
        "lzma",
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
        "thread",
        "socketserver",
        "SocketServer",
        "SimpleHTTPServer",
        "BaseHTTPServer",
        "CGIHTTPServer",
        "xmlrpclib",
        "SimpleXMLRPCServer",
        "DocXMLRPCServer",
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
        "torch.distributed.rpc",
        "torch.utils.model_zoo",
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
    | torch\.(load|save|from_file|compile|classes|ops)(\..*)?
    | torch\.(serialization\.(_?(legacy_)?(load|save)|_open\w*)|package\..*
             |jit\.((_serialization|_script)\.)?(load|save|script|\w*exec\w*)|jit\.unsupported.*)
    | torch\._C\.(PyTorchFile\w*|_?(import|load|save|run|jit)\w*)
    | torch\.multiprocessing\..* | torch\.storage\._load_from_bytes | uuid\._\w+
    | pathlib(\._local)?\.\w+\.\w+ | .*\.(tofile|dump|write_text|write_bytes)
    | numpy\.(load|loads|save|fromfile|memmap|genfromtxt|loadtxt|savetxt) | numpy\.lib\..* | numpy\.ctypeslib\..*
    | logging\.config\..* | yaml\..* | pandas\.(read_pickle|eval|io\..*|core\.computation\..*) | sympy\..*
    """,
    re.VERBOSE,
)
# What a dotted name may reach by way of a module that imports it: `package.module.os.system`.
_REACHED_THROUGH = frozenset(
    [
        "os",
        "sys",
        "posix",
        "nt",
        "subprocess",
        "builtins",
        "shutil",
        "socket",
        "ctypes",
        "importlib",
        "runpy",
        "pty",
        "__builtins__",
        "__import__",
        "__globals__",
        "__dict__",
        "__class__",
        "__base__",
        "__bases__",
        "__mro__",
        "__subclasses__",
        "__getattribute__",
        "__init__",
        "__loader__",
        "__spec__",
        "__code__",
    ]
)
_DEEPEST_MODULE = max(name.count(".") + 1 for name in _DANGEROUS_MODULES)
# Parts at the end of a name that may be a dangerous name by themselves: `torch.optim.optimizer.functools.partial`.
_REACHED_PARTS = 4
_LONGEST_HONEST = 1000


# Classes into which torch's weights-only loader puts no items, even if it is told to take them.
_NEVER_TAKEN = frozenset({"collections.deque", "collections.defaultdict"})
_RANK: dict[GlobalClass, int] = {"dangerous": 0, "unknown": 1, "known": 2}


def python3_name(full_name: str) -> str:
    """The name that pickle imports for one of Python 2 ("__builtin__.set") in protocols below 3."""
    module, _, name = full_name.rpartition(".")
    if (module, name) in NAME_MAPPING:
        return ".".join(NAME_MAPPING[module, name])
    return f"{IMPORT_MAPPING[module]}.{name}" if module in IMPORT_MAPPING else full_name


def classify(full_name: str) -> GlobalClass:
    """What to think of a global by its full name, and by the one that it has in Python 3."""
    found = _classify(full_name)
    translated = python3_name(full_name)
    if translated == full_name or found == "dangerous":
        return found
    other = _classify(translated)
    return "dangerous" if other == "dangerous" else max(found, other, key=_RANK.__getitem__)


def _classify(full_name: str) -> GlobalClass:
    if full_name.startswith("__torch__."):
        # A class of a scripted module: there is no Python module of that name.
        return "known"
    if len(full_name) > _LONGEST_HONEST:
        # Only a name that wanders through modules until it reaches something becomes so long.
        return "dangerous"
    parts = full_name.split(".")
    if not _REACHED_THROUGH.isdisjoint(parts[1:]) or any(
        _DANGEROUS_NAMES.fullmatch(".".join(parts[start:]))
        for start in range(max(1, len(parts) - _REACHED_PARTS), len(parts) - 1)
    ):
        return "dangerous"
    if full_name in _TORCH_ALLOWS or _TORCH_CLASS.fullmatch(full_name) or _HARMLESS.fullmatch(full_name):
        return "known"
    if any(".".join(parts[:count]) in _DANGEROUS_MODULES for count in range(1, min(len(parts), _DEEPEST_MODULE) + 1)):
        return "dangerous"
    return "dangerous" if _DANGEROUS_NAMES.fullmatch(full_name) else "unknown"


def uses(names: Iterable[str]) -> tuple[GlobalUse, ...]:
    """Each name with its class, dangerous first, then unknown, else as in the file."""
    found = [GlobalUse(name, classify(name)) for name in dict.fromkeys(names)]
    return tuple(sorted(found, key=lambda use: _RANK[use.klass]))


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
        # Escaped, so that no name can end the comment.
        return (f"# do not load this file: it calls {', '.join(shown(name, 100) for name in dangerous[:5])}",)
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
    # Protocols below 3 write Python 2's names, which torch translates.
    wanted = [python3_name(full) for full in refused]
    importable = all(part.isidentifier() for full in wanted for part in full.split("."))
    if not importable or not _NEVER_TAKEN.isdisjoint(wanted):
        return torch_lines(path, found, weights_only_reads=False)
    places = {full: full.replace("numpy.core.", "numpy._core.", 1) for full in wanted}
    modules = dict.fromkeys(place.rpartition(".")[0] for place in places.values())
    listed = [
        (place if place == full else f'({place}, "{full}")').removeprefix("builtins.").removeprefix("__main__.")
        for full, place in places.items()
    ]
    if "numpy.dtype" in places:
        # Each kind of dtype is a class of its own, which the file does not name.
        listed.append('*(type(numpy.dtype(kind)) for kind in "?bhilqBHILQefdgFDGSUMm")')
    return (
        "import torch",
        *(f"import {module}" for module in modules if module not in ("torch", "builtins", "__main__")),
        f"torch.serialization.add_safe_globals([{', '.join(listed)}])",
        load,
    )


def torchscript_lines(path: str, found: Sequence[GlobalUse]) -> tuple[str, ...]:
    """The lines with which torch loads a TorchScript file, which runs its code when it is called."""
    if any(use.klass == "dangerous" for use in found):
        return torch_lines(path, found, weights_only_reads=False)
    return ("import torch", f'module = torch.jit.load({PurePath(path).name!r}, map_location="cpu")')
