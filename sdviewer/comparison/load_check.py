"""Load check: what `load_state_dict` would say if one state_dict were loaded into the other's model.

The model is known by its own state_dict alone, so what a class does while it loads (hooks, buffers
that are not saved) cannot be known; the result says so. Text and order are those of
`torch.nn.Module.load_state_dict` and `_load_from_state_dict` (torch 2.13).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sdviewer.checkpoint.structure import Node
from sdviewer.comparison.matching import By, match
from sdviewer.comparison.rename_rules import RenameRule, rename_rules
from sdviewer.comparison.sides import Side
from sdviewer.control import Control

Shape = tuple[int, ...]

_EXTRA_STATE = "_extra_state"
_TRACKED = "num_batches_tracked"
_STATISTICS = ("running_mean", "running_var")


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A tensor whose shape the model does not take."""

    key: str
    shape_in_checkpoint: Shape
    shape_in_model: Shape


@dataclass(frozen=True, slots=True)
class Conversion:
    """A tensor that is converted while it is copied, without a word from torch."""

    key: str
    dtype_in_checkpoint: str
    dtype_in_model: str


@dataclass(frozen=True, slots=True)
class LoadCheck:
    """What loading would report.

    Attributes:
        missing, unexpected, mismatched: in torch's order.
        not_tensors: (key, Python type) of entries that are no tensors where the model has one.
        uninitialised: keys of the model that `strict=False` would leave as they are: the missing ones.
            A size mismatch is an error with `strict=False` as well.
        dtype_converted: conversions that happen in silence.
        repair: rename rules after which fewer keys are missing or unexpected, most useful first.
        repaired: whether loading with `strict=True` succeeds after them.
        unknown: what cannot be told from state_dicts, in words.
        class_name: of the model, where its file names it.

    """

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    mismatched: tuple[Mismatch, ...]
    not_tensors: tuple[tuple[str, str], ...]
    dtype_converted: tuple[Conversion, ...]
    repair: tuple[RenameRule, ...] = ()
    repaired: bool = False
    unknown: tuple[str, ...] = ()
    class_name: str = ""
    # In the order in which torch comes to them: size mismatches and entries that are no tensors.
    messages: tuple[str, ...] = field(default=(), repr=False)

    @property
    def succeeds(self) -> bool:
        """Whether `load_state_dict(strict=True)` raises nothing, as far as can be known."""
        return not (self.missing or self.unexpected or self.messages)

    @property
    def succeeds_loosely(self) -> bool:
        """Whether `load_state_dict(strict=False)` raises nothing."""
        return not self.messages

    @property
    def uninitialised(self) -> tuple[str, ...]:
        """Keys of the model that keep their values with `strict=False`."""
        return self.missing

    def text(self) -> str:
        """The error in torch's words, "" where loading succeeds."""
        lines = list(self.messages)
        if self.unexpected:
            lines.insert(0, f"Unexpected key(s) in state_dict: {_listed(self.unexpected)}. ")
        if self.missing:
            lines.insert(0, f"Missing key(s) in state_dict: {_listed(self.missing)}. ")
        if not lines:
            return ""
        return "Error(s) in loading state_dict for {}:\n\t{}".format(self.class_name or "the model", "\n\t".join(lines))


def load_check(source: Side, model: Side, control: Control | None = None) -> LoadCheck:
    """What loading `source` into the model that `model` was saved from would report.

    Raises:
        Cancelled: `control` was cancelled.

    """
    control = control or Control()
    found = _Loader(source, model, control)
    found.load()
    repair: tuple[RenameRule, ...] = ()
    repaired = False
    if found.missing and found.unexpected:
        repair = _repair(source, model, control)
        if repair:
            again = _Loader(source, model, control, repair)
            again.load()
            fewer = len(again.missing) + len(again.unexpected) < len(found.missing) + len(found.unexpected)
            repair = repair if fewer else ()
            repaired = fewer and not (again.missing or again.unexpected or again.messages)
    return LoadCheck(
        tuple(found.missing),
        tuple(found.unexpected),
        tuple(found.mismatched),
        tuple(found.not_tensors),
        tuple(found.converted),
        repair,
        repaired,
        tuple(found.unknown()),
        _class_name(model),
        tuple(found.messages),
    )


def _repair(source: Side, model: Side, control: Control) -> tuple[RenameRule, ...]:
    matching = match(source, model, control=control)
    renamed = (
        (source.keys[pair.a], model.keys[pair.b])
        for pair in matching.pairs
        if pair.by not in (By.NAME, By.FUSED) and pair.part is None
    )
    return rename_rules(renamed, least=1)


@dataclass(slots=True)
class _Module:
    """What the model's state_dict says of one module: its own tensors, and its children in order."""

    own: dict[str, int] = field(default_factory=dict)
    children: dict[str, _Module] = field(default_factory=dict)


class _Loader:
    """Walks the model's modules as `load_state_dict` does."""

    def __init__(self, source: Side, model: Side, control: Control, rules: Iterable[RenameRule] = ()) -> None:
        self.source, self.model, self.control = source, model, control
        self.missing: list[str] = []
        self.unexpected: list[str] = []
        self.mismatched: list[Mismatch] = []
        self.not_tensors: list[tuple[str, str]] = []
        self.converted: list[Conversion] = []
        self.messages: list[str] = []
        self._tracked_assumed = False
        # Of keys that become equal the last one counts, as in a dict that is filled in order.
        self._at: dict[str, int | str] = {}
        chosen = tuple(rules)
        for place, name in enumerate(source.keys):
            key = name
            for rule in chosen:
                key = rule.apply(key)
            self._at[key] = place
        for key, kind in _scalars(source):
            self._at.setdefault(key, kind)
        self._versions = _versions(source)
        self._root = _module_tree(model)

    def load(self) -> None:
        # (module, its prefix, the keys below it), depth first as torch's recursion goes.
        todo: list[tuple[_Module, str, list[str]]] = [(self._root, "", list(self._at))]
        while todo:
            module, prefix, keys = todo.pop()
            self.control.check()
            self._load_module(module, prefix, keys)
            by_child: dict[str, list[str]] = {name: [] for name in module.children}
            for key in keys:
                name, dot, _ = key[len(prefix) :].partition(".")
                if dot and name in by_child:
                    by_child[name].append(key)
            todo += [(child, f"{prefix}{name}.", by_child[name]) for name, child in reversed(module.children.items())]

    def unknown(self) -> list[str]:
        """What state_dicts do not tell."""
        told = [
            "hooks and a class's own loading code are not seen",
            "buffers that are not persistent are in no state_dict",
        ]
        if not _versions(self.model):
            told.append("the model's file has no _metadata: modules without tensors are not known")
        if any(key.rpartition(".")[2] == _EXTRA_STATE for key in (*self.source.keys, *self.model.keys)):
            told.append("whether a class takes its extra state is decided by its code")
        return told

    def _load_module(self, module: _Module, prefix: str, keys: list[str]) -> None:
        names = module.own
        here = {key[len(prefix) :]: key for key in keys if "." not in key[len(prefix) :]}
        version = self._versions.get(prefix[:-1])
        # torch.nn.modules.batchnorm._NormBase: files of before version 2 need no count of batches.
        excused = _TRACKED in names and (version is None or version < 2)
        for name, place in names.items():
            if name == _EXTRA_STATE:
                continue
            if name in here:
                self._copy(here[name], self._at[here[name]], place)
            elif not (excused and name == _TRACKED):
                self.missing.append(prefix + name)
        if _EXTRA_STATE in names and _EXTRA_STATE not in here:
            self.missing.append(prefix + _EXTRA_STATE)
        elif _EXTRA_STATE in here and _EXTRA_STATE not in names:
            self.unexpected.append(here[_EXTRA_STATE])
        for key in keys:
            name, dot, _ = key[len(prefix) :].partition(".")
            if (name not in module.children) if dot else (name not in names and name != _EXTRA_STATE):
                self.unexpected.append(key)

    def _copy(self, key: str, found: int | str, place: int) -> None:
        if isinstance(found, str):
            self.not_tensors.append((key, found))
            self.messages.append(
                f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object '
                f"from checkpoint but received <class '{found}'>"
            )
            return
        given, wanted = self.source.ref(found), self.model.ref(place)
        # A 0-dim tensor of torch 0.3 was saved with one dimension.
        shape = () if wanted.shape == () and given.shape == (1,) else given.shape
        if shape != wanted.shape:
            self.mismatched.append(Mismatch(key, shape, wanted.shape))
            self.messages.append(
                f"size mismatch for {key}: copying a param with shape {_size(shape)} from checkpoint, "
                f"the shape in current model is {_size(wanted.shape)}."
            )
        elif given.dtype != wanted.dtype:
            self.converted.append(Conversion(key, given.dtype, wanted.dtype))


def _module_tree(model: Side) -> _Module:
    """The modules that have tensors, and those that `_metadata` names; children in the order of the file."""
    root = _Module()

    def module(path: Iterable[str]) -> _Module:
        at = root
        for name in path:
            at = at.children.setdefault(name, _Module())
        return at

    # `_metadata` lists modules in their own order, those without tensors among them.
    for prefix in _versions(model):
        if prefix:
            module(prefix.split("."))
    for place, key in enumerate(model.keys):
        *path, name = key.split(".")
        module(path).own[name] = place
    for key, _ in _scalars(model):
        *path, name = key.split(".")
        if name == _EXTRA_STATE:
            module(path).own.setdefault(name, -1)
    return root


def _versions(side: Side) -> dict[str, int | None]:
    """The `_metadata` of a state_dict: dotted module name → version."""
    if side.section is None:
        return {}
    node = side.section.node
    return {item.prefix: item.version for item in side.checkpoint.description.module_versions if item.node == node}


def _scalars(side: Side) -> list[tuple[str, str]]:
    """(key, Python type) of what stands in the state_dict and is no tensor."""
    if side.section is None:
        return []
    structure = side.checkpoint.description.structure
    node = side.section.node
    if not len(structure) or structure.kind[node] != Node.MAPPING:
        return []
    found = []
    for child in structure.children(node):
        kind = structure.kind[child]
        if kind == Node.SCALAR:
            found.append((structure.part[child], _python_type(structure.values[int(structure.ref[child])])))
        elif kind != Node.TENSOR and structure.part[child].rpartition(".")[2] == _EXTRA_STATE:
            found.append((structure.part[child], structure.type_name(child) or "dict"))
    return found


def _python_type(text: str) -> str:
    if text in {"true", "false"}:
        return "bool"
    if text == "null":
        return "NoneType"
    if text.startswith('"'):
        return "str"
    if text.startswith("{"):
        return "object"
    return "float" if set(text) & set(".eEn") else "int"


def _class_name(model: Side) -> str:
    """The class of the whole model, without its module path."""
    if model.section is None:
        return ""
    node = model.section.node
    for item in model.checkpoint.description.module_classes:
        if item.node == node and not item.prefix:
            return item.name.rpartition(".")[2]
    return ""


def _size(shape: Shape) -> str:
    return f"torch.Size({list(shape)})"


def _listed(keys: Iterable[str]) -> str:
    return ", ".join(f'"{key}"' for key in keys)
