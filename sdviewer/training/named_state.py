"""NamedState: an optimizer's state with the names of its parameters, read once for each checkpoint."""

from __future__ import annotations

from typing import NamedTuple

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.sections import Section
from sdviewer.control import Control
from sdviewer.training.groups import read_groups
from sdviewer.training.naming import Naming, name_parameters
from sdviewer.training.state import OptimizerState, read_state


class NamedState(NamedTuple):
    """The state, and what its parameters are called."""

    state: OptimizerState
    naming: Naming


def named_state(checkpoint: Checkpoint, section: Section, control: Control | None = None) -> NamedState:
    """The optimizer in this section; no payload is read, and nothing twice as long as the checkpoint is there.

    Raises:
        Cancelled: `control` was cancelled.

    """
    key = ("named state", section.name)
    known = checkpoint.kept.get(key)
    if isinstance(known, NamedState):
        return known
    control = control or Control()
    state = read_state(checkpoint, read_groups(checkpoint.description, section.node, control), control)
    found = NamedState(state, name_parameters(checkpoint, section, state, control))
    checkpoint.kept[key] = found
    return found
