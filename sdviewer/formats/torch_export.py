"""Programs that `torch.export.save` writes (.pt2): their weights and constants, described by JSON.

Since 2.9 each tensor's bytes are an entry, and a configuration says how they are to be seen; 2.8 put one
file of `torch.save` for all weights in the same place; before, the archive was a plain zip of such files.
The program itself is shown as text and never run; what is pickled is read by the machine that runs nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any

import numpy as np

from sdviewer.checkpoint.coverage import unshown_bytes
from sdviewer.checkpoint.document import Description, Problem, TextEntry
from sdviewer.checkpoint.dtypes import OTHER
from sdviewer.checkpoint.names import encode_part
from sdviewer.checkpoint.source import read_bytes
from sdviewer.checkpoint.structure import Node, StructureBuilder
from sdviewer.checkpoint.table import Encoding, Flag, TableBuilder, reach
from sdviewer.errors import CannotOpen, CannotRead, UnsupportedFormat
from sdviewer.formats import globals as known_globals
from sdviewer.formats.export_schema import TensorMeta
from sdviewer.formats.merging import Part, merge
from sdviewer.formats.reading import Reading
from sdviewer.formats.torch_zip import Archive
from sdviewer.formats.zip_directory import DEFLATED, ENCRYPTED, STORED, Entry
from sdviewer.formats.zip_entries import first_bytes

_PT2 = b"pt2"
_PROGRAM = "serialized_exported_program.json"
# Torch writes about 280 bytes for each tensor.
_LARGEST_CONFIG = 64 << 20
_MOST_MODELS = 100
# Pickled tensors, each a checkpoint of its own: a large quantised model has some hundreds.
_MOST_PICKLED = 2000


def matches(reading: Reading) -> bool:
    """A zip archive whose archive_format is pt2, or one with a serialized program."""
    # Nothing that it holds is such an archive again.
    if not reading.is_zip or reading.depth > 1:
        return False
    return _PROGRAM in reading.directory.index or _is_pt2(reading)


def _folder(reading: Reading) -> str:
    first = reading.directory.names[0] if len(reading.directory) else ""
    return first[: first.find("/") + 1]


def _is_pt2(reading: Reading) -> bool:
    entry = reading.directory.find(f"{_folder(reading)}archive_format")
    if entry is None or entry.size != len(_PT2):
        return False
    try:
        return first_bytes(reading, entry, len(_PT2)) == _PT2
    except (CannotOpen, CannotRead):
        return False


def read(reading: Reading) -> Description:
    """Describe the archive; see `Reader.read`."""
    export = _Export(reading, Archive(reading, folder=_folder(reading) if _is_pt2(reading) else ""))
    whole = merge([*export.parts(), Part(_nothing())])
    return replace(
        whole,
        format="torch export",
        problems=(*export.archive.problems, *export.problems, *whole.problems),
        texts=export.texts(),
        duplicates=(*export.archive.duplicates, *whole.duplicates),
        torch_lines=_torch_lines(reading.source.label, whole),
        unshown_bytes=unshown_bytes(whole.tensors) + export.input_bytes,
    )


def _torch_lines(path: str, whole: Description) -> tuple[str, ...]:
    if any(use.klass == "dangerous" for use in whole.globals):
        return known_globals.torch_lines(path, whole.globals, weights_only_reads=False)
    return (
        "import torch",
        "# only if you trust whoever made the file: this unpickles the inputs and objects in it",
        f"program = torch.export.load({PurePath(path).name!r})",
        "state_dict = program.state_dict",
    )


def _nothing() -> Description:
    """An empty mapping with plain keys."""
    structure = StructureBuilder()
    structure.close(structure.open("", Node.MAPPING, -1, "dict"))
    return Description("", TableBuilder().finish([], []), structure.finish(plain_keys=True))


@dataclass
class _Export:
    """One archive on its way into parts."""

    reading: Reading
    archive: Archive
    problems: list[Problem] = field(default_factory=list)
    pickled: dict[str, Description | None] = field(default_factory=dict)
    input_bytes: int = 0

    def __post_init__(self) -> None:
        prefix = self.archive.prefix
        once = dict.fromkeys(self.archive.directory.names)
        self.names = [name.removeprefix(prefix) for name in once if name.startswith(prefix)]

    def parts(self) -> list[Part]:
        """All that it holds: of several models, each under its name.

        Raises:
            UnsupportedFormat: it is compiled code without weights.
        """
        if self.archive.find(_PROGRAM):
            return self._old_parts()
        models = self._models()
        if not models and any(name.startswith("data/aotinductor/") for name in self.names):
            raise UnsupportedFormat(
                "is a package of code that torch compiled (AOTInductor), without weights of its own",
                file=self.reading.source.label,
                hint="open the checkpoint that it was compiled from",
            )
        if len(models) == 1:
            return self._model_parts(models[0])
        if len(models) > _MOST_MODELS:
            self.problems.append(
                Problem("partial", "warning", f"{len(models) - _MOST_MODELS:,} models are not shown", "models")
            )
        return [Part(merge([*self._model_parts(model), Part(_nothing())]), model) for model in models[:_MOST_MODELS]]

    def _models(self) -> list[str]:
        """The models that have a program, weights or constants here, in file order."""
        found: dict[str, None] = {}
        for name in self.names:
            for folder, ending in (
                ("models/", ".json"),
                ("data/weights/", "_weights_config.json"),
                ("data/constants/", "_constants_config.json"),
                ("data/weights/", ".pt"),
            ):
                if name.startswith(folder) and name.endswith(ending) and "/" not in name.removeprefix(folder):
                    found[name.removeprefix(folder).removesuffix(ending)] = None
        return list(found)

    def _model_parts(self, model: str) -> list[Part]:
        """State_dict at the root, constants under a name of their own."""
        return [
            *self._payload("weights", f"{model}_weights_config.json", f"{model}.pt", None),
            *self._payload("constants", f"{model}_constants_config.json", f"{model}.pt", "constants"),
            *self._inputs(f"data/sample_inputs/{model}.pt"),
        ]

    def _old_parts(self) -> list[Part]:
        """The same of the older layout; torch 2.1 called what torch.save writes .json as well."""
        parts = []
        for stem, name in (("serialized_state_dict", None), ("serialized_constants", "constants")):
            described = self._nested(f"{stem}.pt") or self._nested(f"{stem}.json")
            if described is not None:
                parts += self._saved(described, name)
            elif name is None:
                self._missing("the weights are missing from the archive", f"{stem}.pt")
        return [*parts, *self._inputs("serialized_example_inputs.pt")]

    def _inputs(self, name: str) -> list[Part]:
        """Example inputs are no weights: what their pickle would call is told, and how many bytes they are."""
        described = self._nested(name)
        if described is None:
            return []
        self.input_bytes += int(described.tensors.storages.nbytes.sum())
        return [Part(replace(_nothing(), globals=described.globals, problems=described.problems))]

    def _saved(self, described: Description, name: str | None) -> list[Part]:
        """What one file of torch.save says: in a state_dict, what is no parameter is a buffer."""
        if name is None and described.root != "mapping":
            self.problems.append(Problem("irregular", "warning", "the state_dict is no mapping", "state_dict"))
            return [Part(described, "state_dict")]
        if name and len(described.structure) == 1 and described.root == "mapping":
            return []
        table = described.tensors
        is_parameter = (table.flags & Flag.PARAMETER.value) > 0
        if name or is_parameter.any():
            flags = np.where(is_parameter, table.flags, table.flags | np.uint16(Flag.BUFFER))
            described = replace(described, tensors=replace(table, flags=flags))
        return [Part(described, name)]

    def _missing(self, message: str, where: str) -> None:
        self.problems.append(Problem("missing", "error", message, where))

    # -- what torch.save wrote ---------------------------------------------------------

    def _nested(self, name: str) -> Description | None:
        """An entry that is a checkpoint of its own; None where there is none or it is damaged, which is noted."""
        from sdviewer.formats.opening import read_source

        found = self.archive.find(name)
        if found is None or found[1].size == 0:
            return None
        try:
            return read_source(self.reading.within(self.archive.entry_source(found[1])))
        except (CannotOpen, CannotRead) as error:
            self.problems.append(Problem("partial", "error", error.message, name))
            return None

    # -- tensors by configuration --------------------------------------------------------

    def _payload(self, folder: str, config: str, whole: str, name: str | None) -> list[Part]:
        """The tensors of `data/<folder>/`: by the configuration, or from one file of torch.save."""
        directory = f"data/{folder}/"
        if self.archive.find(directory + whole):
            described = self._nested(directory + whole)
            return self._saved(described, name) if described else []
        if self.archive.find(directory + config) is None:
            if name is None:
                self._missing("the description of the weights is missing from the archive", directory + config)
            return []
        metas = self._config(directory + config)
        if not metas:
            return []
        parts: list[Part] = []
        run: dict[str, Any] = {}
        pickled = 0
        for key, meta in metas.items():
            if not isinstance(meta, dict) or meta.get("use_pickle") is not True:
                run[key] = meta
                continue
            pickled += 1
            if pickled <= _MOST_PICKLED:
                parts += self._raw(directory, run)
                run = {}
                parts.append(self._pickled(directory, key, meta))
        if pickled > _MOST_PICKLED:
            self.problems.append(
                Problem("partial", "warning", f"{pickled - _MOST_PICKLED:,} pickled tensors are not shown", directory)
            )
        parts += self._raw(directory, run)
        return parts if name is None else [Part(merge(parts), name)]

    def _config(self, name: str) -> dict[str, Any]:
        found = self.archive.find(name)
        if found is None:
            return {}
        reason = f"says that it is {found[1].size:,} bytes long"
        if found[1].size <= _LARGEST_CONFIG:
            try:
                source = self.reading.sources.get(self.archive.entry_source(found[1]))
                return dict(json.loads(read_bytes(source, 0, source.size))["config"])
            except (CannotOpen, CannotRead) as error:
                reason = error.message
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                reason = f"is no description of tensors: {error}"
        self.problems.append(Problem("partial", "error", reason, name))
        return {}

    def _pickled(self, directory: str, key: str, meta: Mapping[str, Any]) -> Part:
        """A tensor of a subclass, or an object that is no tensor."""
        path = str(meta.get("path_name", ""))
        if path not in self.pickled:
            self.pickled[path] = self._nested(directory + path)
        described = self.pickled[path]
        if described is None:
            structure = StructureBuilder()
            structure.scalar("", -1, json.dumps({"$opaque": "pickled object", "entry": path}), "pickled object")
            described = Description("", TableBuilder().finish([], []), structure.finish(plain_keys=False), root="other")
        return Part(described, key)

    def _raw(self, directory: str, metas: Mapping[str, Any]) -> list[Part]:
        """Tensors whose bytes are entries, as one description."""
        if not metas:
            return []
        builder, structure = TableBuilder(), StructureBuilder()
        root = structure.open("", Node.MAPPING, -1, "dict")
        storages: dict[str, int] = {}
        names: list[str] = []
        rows: list[int] = []
        for key, meta in metas.items():
            try:
                tensor = TensorMeta.of(meta)
            except (ValueError, TypeError, KeyError) as error:
                self.problems.append(
                    Problem("irregular", "error", f"a tensor's description is not understood: {error}", key)
                )
                continue
            if tensor.entry not in storages:
                storages[tensor.entry] = self._storage(builder, directory, tensor)
            structure.tensor(key, root, len(rows))
            names.append(key)
            rows.append(self._tensor(builder, key, tensor, storages[tensor.entry]))
        structure.close(root)
        return [Part(Description("", builder.finish(names, rows), structure.finish(plain_keys=True)))]

    def _storage(self, builder: TableBuilder, directory: str, tensor: TensorMeta) -> int:
        found = self.archive.find(directory + tensor.entry)
        if found is None or not _is_readable(found[1]):
            self._missing("storages are missing from the archive", directory + tensor.entry)
            return builder.add_storage(
                tensor.entry, source=-1, offset=0, nbytes=0, encoding=Encoding.MISSING, location=tensor.location
            )
        entry = found[1]
        there = max(min(entry.stored, self.reading.source.size - entry.offset), 0)
        plain = entry.method == STORED
        return builder.add_storage(
            tensor.entry,
            source=self.reading.index,
            offset=entry.offset,
            nbytes=there if plain else entry.size,
            stored=there,
            encoding=Encoding.RAW if plain else Encoding.DEFLATED,
            swapped=self.archive.big_endian,
            location=tensor.location,
        )

    def _tensor(self, builder: TableBuilder, key: str, tensor: TensorMeta, storage: int) -> int:
        flags = Flag.GRAD_KNOWN | (Flag.REQUIRES_GRAD if tensor.requires_grad else Flag(0))
        # Constants are not trained: they are buffers that the state_dict leaves out, or tensors in the code.
        flags |= Flag.PARAMETER if tensor.is_parameter else Flag.BUFFER
        extra: dict[str, Any] = {}
        if tensor.dtype is OTHER:
            extra |= {"dtype": f"type {tensor.dtype_number}", "itemsize": 0}
            self.problems.append(
                Problem("unknown_dtype", "warning", f"its dtype, number {tensor.dtype_number}, is not known", key)
            )
        if not tensor.strided:
            flags |= Flag.SPARSE
            extra |= {"layout": "not strided", "components": {}}
        needed = (tensor.offset + reach(tensor.shape, tensor.stride)) * tensor.dtype.itemsize
        if 0 not in tensor.shape and needed > builder.storage_nbytes(storage):
            flags |= Flag.OUT_OF_BOUNDS
            self.problems.append(Problem("out_of_bounds", "error", "reaches past the stored bytes", encode_part(key)))
        return builder.add_tensor(
            tensor.dtype, tensor.shape, tensor.stride, storage=storage, offset=tensor.offset, flags=flags, extra=extra
        )

    # -- text -------------------------------------------------------------------------------

    def texts(self) -> tuple[TextEntry, ...]:
        """The programs, and what the user put beside them."""
        return tuple(
            TextEntry(
                name, self.reading.index, entry.offset, entry.size, entry.stored, deflated=entry.method == DEFLATED
            )
            for name, entry in self._text_entries()
        )

    def _text_entries(self) -> Iterator[tuple[str, Entry]]:
        for name in self.names:
            if name == _PROGRAM or name.startswith(("models/", "extra/", "extra_files/")):
                found = self.archive.find(name)
                if found is not None and _is_readable(found[1]):
                    yield name, found[1]


def _is_readable(entry: Entry) -> bool:
    return entry.method in (STORED, DEFLATED) and entry.offset >= 0 and not entry.flags & ENCRYPTED
