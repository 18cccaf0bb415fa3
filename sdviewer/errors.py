"""Every error that sdviewer raises on purpose.

    SdviewerError                       kind, message, file, hint
    ├── CannotOpen                      nothing in the file could be read
    │   ├── FileMissing                 (FileNotFoundError)
    │   ├── NotPermitted                (PermissionError)
    │   ├── NotACheckpoint              (ValueError)
    │   ├── UnsupportedFormat           recognised, but not read: says how to convert
    │   ├── Damaged                     (ValueError) truncated, or breaks its format's rules
    │   └── LimitExceeded               needs more memory, time or steps than is allowed
    ├── CannotRead                      the file is open, but these bytes are not to be had
    │   ├── SourceChanged               (OSError) the file changed, shrank or vanished
    │   ├── MissingBytes                (ValueError) the tensor reaches past what is stored
    │   ├── NotDense                    (TypeError) sparse, nested, meta: see its components
    │   └── NotDecodable                (TypeError) a dtype whose values are not known
    ├── NameNotFound                    (KeyError)
    ├── AmbiguousName                   (KeyError) lists the candidates
    ├── CannotWrite                     (OSError) an output file or folder
    ├── Cancelled                       the user stopped it
    └── HelperDied                      a helper process ended before it answered

A message says what happened, in which file or tensor, and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence


class SdviewerError(Exception):
    """The root: `message` for a person, `kind` for a script, `file` where one is concerned."""

    kind = "error"

    def __init__(self, message: str, *, file: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.file}: {self.message}" if self.file else self.message
        return f"{text} ({self.hint})" if self.hint else text


class CannotOpen(SdviewerError):
    """Nothing of the file could be read as a checkpoint."""

    kind = "cannot_open"


class FileMissing(CannotOpen, FileNotFoundError):
    """No file or folder has that name."""

    kind = "file_missing"


class NotPermitted(CannotOpen, PermissionError):
    """The operating system refuses to read the file."""

    kind = "not_permitted"


class NotACheckpoint(CannotOpen, ValueError):
    """The content is none of the formats that hold tensors."""

    kind = "not_a_checkpoint"


class UnsupportedFormat(CannotOpen):
    """A known format that sdviewer does not read; the hint says how to convert it."""

    kind = "unsupported_format"


class Damaged(CannotOpen, ValueError):
    """The file breaks the rules of its own format before anything could be read."""

    kind = "damaged"


class LimitExceeded(CannotOpen):
    """Reading would need more memory, time or steps than an honest file does."""

    kind = "limit_exceeded"


class CannotRead(SdviewerError):
    """The checkpoint is open, but the values of a tensor cannot be had."""

    kind = "cannot_read"


class SourceChanged(CannotRead, OSError):
    """The file was changed, shortened, replaced or removed since it was opened."""

    kind = "source_changed"


class MissingBytes(CannotRead, ValueError):
    """The tensor reaches past the bytes that are stored for it."""

    kind = "missing_bytes"


class NotDense(CannotRead, TypeError):
    """A sparse, nested or meta tensor: its values lie in its component tensors."""

    kind = "not_dense"


class NotDecodable(CannotRead, TypeError):
    """The dtype's bit patterns have no known values."""

    kind = "not_decodable"


class NameNotFound(SdviewerError, KeyError):
    """No tensor has that name."""

    kind = "name_not_found"
    __str__ = SdviewerError.__str__


class AmbiguousName(SdviewerError, KeyError):
    """Several tensors have that state_dict key; `candidates` are their canonical names."""

    kind = "ambiguous_name"
    __str__ = SdviewerError.__str__

    def __init__(self, message: str, candidates: Sequence[str], *, file: str = "", hint: str = "") -> None:
        super().__init__(message, file=file, hint=hint)
        self.candidates = tuple(candidates)


class CannotWrite(SdviewerError, OSError):
    """An output file could not be written; nothing stands under its name that was not there before."""

    kind = "cannot_write"


class Cancelled(SdviewerError):
    """The work was stopped on request."""

    kind = "cancelled"


class HelperDied(SdviewerError):
    """A helper process ended before it answered."""

    kind = "helper_died"
