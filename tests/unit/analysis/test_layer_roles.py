"""Layer roles: against a regular expression, name by name."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.analysis import layer_roles as module
from sdviewer.analysis.layer_roles import layer_roles, role_text
from sdviewer.checkpoint.columns import StringColumn

_PARTS = st.sampled_from(["layers", "0", "1", "12", "007", "fc1", "1a", "", "weight", "[3]", "[44]", "ä", "x[0]"])
_NAMES = st.lists(_PARTS, max_size=5).flatmap(lambda parts: st.sampled_from("./").map(lambda sign: sign.join(parts)))


@pytest.mark.parametrize("hostile", [False, True])
@given(names=st.lists(_NAMES, max_size=30))
def test_names_have_one_role_where_they_differ_in_numbers_only(names: list[str], *, hostile: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if hostile:
            # As if somebody had found names whose sums are equal.
            patch.setattr(module, "_WEIGHTS", np.zeros(2000, np.uint64))
        roles = layer_roles(StringColumn.of(names)).tolist()
    for i, name in enumerate(names):
        assert [other == roles[i] for other in roles] == [role_text(other) == role_text(name) for other in names]


def test_a_role_is_told_with_stars() -> None:
    assert role_text("model/layers.12.mlp.fc1.weight") == "model/layers.*.mlp.fc1.weight"
    assert role_text("state/[3]/exp_avg") == "state/[*]/exp_avg"


def test_an_overlong_name_has_no_role() -> None:
    assert layer_roles(StringColumn.of(["a" * 5000, "a.1", "a.2"])).tolist()[0] == -1
