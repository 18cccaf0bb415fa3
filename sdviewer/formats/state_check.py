"""State check: whether the state of an optimizer can be that of the model beside it, by shapes alone."""

from __future__ import annotations

import re

import numpy as np

from sdviewer.checkpoint.document import Description, Problem
from sdviewer.checkpoint.wording import plural, shape_text

# What optimizers keep in the parameter's own shape; one of them for each parameter.
_LIKE_THE_PARAMETER = re.compile(r"(?:\A|/)state/[^/]+/(?:exp_avg|momentum_buffer|square_avg|state1)\Z")


def check_state(file: str, state: Description, model: Description) -> list[Problem]:
    """A finding if the optimizer in `file` keeps what no parameter of the model has; `where` is its tensor."""
    table = state.tensors
    names = table.name.take(np.arange(table.listed)).tolist()
    rows = [row for row, name in enumerate(names) if _LIKE_THE_PARAMETER.search(name)]
    of_model = model.tensors
    if not rows or not of_model.listed or any(shard.status not in ("ok", "extra") for shard in model.shards):
        return []
    shapes = {of_model.forms.shape_of(form) for form in np.unique(of_model.form[: of_model.listed]).tolist()}
    forms = table.form[rows]
    foreign = {form for form in np.unique(forms).tolist() if table.forms.shape_of(form) not in shapes}
    if foreign:
        other = [row for row, form in zip(rows, forms.tolist(), strict=True) if form in foreign]
        row = other[0]
        often = f", and {plural(len(other) - 1, 'more tensor')} like it" if len(other) > 1 else ""
        text = (
            f"{file} is not of this model, or of parts of it: {names[row]} is {shape_text(table.shape_of(row))}, "
            f"which no tensor of the model is{often}"
        )
        return [Problem("irregular", "warning", text, names[row])]
    if len(rows) > of_model.listed:
        text = f"{file} is not of this model: it has state of {len(rows):,} parameters, the model has fewer tensors"
        return [Problem("irregular", "warning", f"{text} ({of_model.listed:,})", names[rows[-1]])]
    return []
