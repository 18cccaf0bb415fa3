"""What marks and reasons are called in the window."""

from __future__ import annotations

from sdviewer.comparison.matching import By
from sdviewer.ui.translating import tr

MARK_WORDS = {
    "failed": "failed",
    "changed": "changed",
    "shape": "shape",
    "only_a": tr("only in A"),
    "only_b": tr("only in B"),
    "close": tr("within tolerance"),
    "equal_after_cast": tr("equal after cast"),
    "dtype": "dtype",
    "equal": "equal",
    "renamed": "renamed",
    "identical": "same",
    "waiting": "waiting",
}

MARK_TIPS = {
    "failed": "Values that could not be compared",
    "changed": "Values outside the tolerance",
    "shape": "Another shape on the other side",
    "only_a": "Tensors that only A has",
    "only_b": "Tensors that only B has",
    "close": "Values that differ, all of them within the tolerance",
    "equal_after_cast": "Values that are equal once one side is cast to the other's dtype",
    "dtype": "Another dtype on the other side",
    "equal": "Equal values, other bits: −0 against 0, or other NaN",
    "renamed": "Another name on the other side",
    "identical": "The same values, bit by bit",
    "waiting": "Values that are still to be compared",
}

BY_WORDS = {
    By.NAME: "name",
    By.MAP: "your rule",
    By.WRAPPER: "name without wrappers",
    By.CONTENT: "same bytes",
    By.ENDING: "end of the name",
    By.SIMILAR: "similar name",
    By.ORDER: "order",
    By.FUSED: "part of a fused tensor",
    By.HAND: "by hand",
}

BY_TIPS = {
    By.NAME: "Both have the same name.",
    By.MAP: "Your replacement turns the name on the left into the one on the right.",
    By.WRAPPER: "The names are the same without wrappers such as module. or _orig_mod.",
    By.CONTENT: "Their bytes are the same, and no other tensor on either side has these.",
    By.ENDING: "Their names end alike, and they have the same shape; no other tensor on either side fits.",
    By.SIMILAR: "Their names are alike letter by letter, with the same shape and the same numbers.",
    By.ORDER: "No name says anything; the shapes of both sides stand in the same order.",
    By.FUSED: "The shapes tell that one is a part of the other's rows, as q, k and v of a fused tensor.",
    By.HAND: "You have made this pair.",
}
