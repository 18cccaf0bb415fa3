"""What is said of a spectrum: what it costs, its figures with their formulas, and its picture in words."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np

from sdviewer.analysis.spectrum import Cost, Matrix, Method, Spectrum
from sdviewer.analysis.statistics import Bounded
from sdviewer.checkpoint.wording import bytes_for_people, number
from sdviewer.ui.detail.parts import Fact
from sdviewer.ui.translating import tr

METHODS: dict[Method, tuple[str, str]] = {
    "svd": ("All, by decomposition", "All singular values by a full decomposition in float64: the most exact way"),
    "gram": (
        "All, by AAᵀ",
        "All singular values as roots of the eigenvalues of AAᵀ, which is quicker, but leaves the smallest unresolved",
    ),
    "top": (
        "The largest 16",
        "Approached from below in a space of random vectors, the quickest way (Musco and Musco, 2015)",
    ),
}
_SECONDS_TO_START = 2
_HOUR, _MINUTE = 3600, 60


def cost_words(matrix: Matrix, cost: Cost, *, starts: bool) -> str:
    """What it will take: "64 × 288 matrix. About 0.2 s and 12 MiB, and 2 s to start PyTorch."."""
    text = f"{matrix.rows:,} × {matrix.columns:,} matrix. About {time_words(cost.seconds)} and "
    text += bytes_for_people(cost.nbytes)
    return f"{text}, and {_SECONDS_TO_START} s to start PyTorch." if starts else f"{text}."


def time_words(seconds: float) -> str:
    """A rough time: "0.2 s", "4 s", "3 min"."""
    if seconds < 0.95:
        return f"{max(seconds, 0.1):.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / _MINUTE:.0f} min" if seconds < 2 * _HOUR else f"{seconds / _HOUR:.0f} h"


def done_words(spectrum: Spectrum) -> str:
    """How a spectrum was computed, and what it leaves open."""
    m = spectrum.matrix
    text = f"{m.rows:,} × {m.columns:,} matrix, computed in {time_words(spectrum.seconds)}."
    if not spectrum.singular[0]:
        return f"{text} All values are 0: there is nothing to draw."
    if spectrum.method == "top":
        return f"{text} Only the {len(spectrum.singular)} largest singular values, approached from below."
    unresolved = int((spectrum.singular <= spectrum.resolution).sum())
    if not unresolved or not spectrum.resolution:
        return text
    what = "One singular value is" if unresolved == 1 else f"{unresolved:,} singular values are"
    return f"{text} {what} too small to be told from 0 (≤ {number(_three(spectrum.resolution))})."


def figure_facts(spectrum: Spectrum) -> tuple[Fact, ...]:
    """All figures, each with its formula in the tooltip."""
    facts = []
    for field in fields(spectrum):
        if "title" not in field.metadata:
            continue
        value = getattr(spectrum, field.name)
        about = field.metadata["about"]
        tip = f"{about[:1].upper()}{about[1:]}"
        exact = value.value if isinstance(value, Bounded) else value
        if exact is not None:
            tip += f"\n{exact!r}"
        facts.append(Fact(field.metadata["title"], _told(value), tip))
        if field.name == "edge":
            tip = "Standard deviation s of the entries, were they pure noise: what the edge is computed from"
            facts.append(Fact(tr("Noise level"), _told(spectrum.noise), f"{tip}\n{spectrum.noise!r}"))
    return tuple(facts)


def _told(value: Bounded | float | None) -> str:
    if not isinstance(value, Bounded):
        return number(value if value is None else _six(value))
    text = number(_six(value.value))
    if value.is_exact:
        return text
    if value.low == value.value:
        return f"≥ {text}"
    return f"≤ {text}" if value.high == value.value else f"≈ {text}"


def _six(value: float) -> float | int:
    return value if isinstance(value, int) else float(value)


def _three(value: float) -> float:
    return float(f"{value:.3g}")


def summary(spectrum: Spectrum) -> str:
    """The picture in words."""
    singular = spectrum.singular
    kind = "largest singular values" if spectrum.method == "top" else "singular values"
    text = f"{len(singular):,} {kind}, from {number(float(singular[-1]))} to {number(float(singular[0]))} (the peak)"
    if spectrum.rank_90 is not None:
        text += f"; 90 % of the energy in the first {int(spectrum.rank_90.value):,}"
    if spectrum.rank_99 is not None:
        text += f", 99 % in the first {int(spectrum.rank_99.value):,}"
    if spectrum.edge is not None:
        text += f"; Marchenko–Pastur edge {number(spectrum.edge)}"
    if spectrum.spikes is not None:
        text += f", {_told(spectrum.spikes)} clearly beyond it"
    return f"{text}."


def pointed(spectrum: Spectrum, index: int) -> str:
    """What is under the pointer."""
    energy = float(spectrum.energy()[index])
    value = number(float(spectrum.singular[index]))
    return f"Singular value {index + 1:,}: {value}; the first {index + 1:,} hold {_percent(energy)} of the energy"


def _percent(share: float) -> str:
    percent = 100 * share
    if share < 1 and percent > 99.99:
        return "> 99.99 %"
    return f"{percent:.2f} %"


def decade_ticks(low: float, high: float) -> list[tuple[float, list[float]]]:
    """Where a logarithmic axis from 10**low to 10**high has its ticks: decades, and 2 and 5 between them if few."""
    first, last = math.floor(low), math.ceil(high)
    stride = max(1, math.ceil((last - first) / 10))
    decades = [float(power) for power in range(first, last + 1) if power % stride == 0 and low <= power <= high]
    if high - low > 3:
        return [(float(stride), decades)]
    parts = (2, 5) if high - low > 1 else (1.5, *range(2, 10))
    between = [power + math.log10(part) for power in range(first, last + 1) for part in parts]
    inside = [position for position in between if low <= position <= high]
    if not inside and not decades:
        # Narrower than that: a few that are told by all their digits.
        return [(high - low, list(map(float, np.linspace(low, high, 5)[1:-1])))]
    return [(1.0, decades), (0.1, inside)]
