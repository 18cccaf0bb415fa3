"""Module kinds: which torch module wrote these tensors, by their names and shapes, one rule each.

A rule claims a kind only where the evidence shows it. Where shapes cannot tell, the module's own
name may (a `gn1`, a `wte`); where that is silent too, the kind says less ("Norm") or nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

Shape = tuple[int, ...]

# What a module's own name tells; the first that fits. Only this of a name is looked at by the rules.
_NAME_HINTS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (hint, re.compile(pattern, re.IGNORECASE))
    for hint, pattern in (
        ("linear", r"embed_out|lm_head|_proj$|^fc\d*$|linear"),
        ("embedding", r"emb|^w[tp]e$|^(token|position|segment)_type|^vocab|relative_attention_bias"),
        ("transposed", r"transpose|deconv|conv_?t$|^tconv"),
        ("up", r"^up(sample|conv)?s?[\d_]*$"),
        ("rms", r"rms"),
        ("group", r"group_?norm|(^|_)gn\d*($|_)"),
        ("instance", r"instance_?norm|^in\d*$|(^|_)inorm"),
        ("batch", r"batch_?norm|(^|_)bn\d*($|_)"),
        ("layer", r"(^|_)ln(_?\w{1,5})?$"),
        ("layernorm", r"layer_?norm"),
        ("norm", r"norm"),
        ("prelu", r"prelu"),
    )
)


def name_hint(name: str) -> str:
    """What the name of a module says about its kind, "" for nothing."""
    # Most names are numbers of layers, which no pattern fits.
    return "" if name.isdecimal() else next((hint for hint, pattern in _NAME_HINTS if pattern.search(name)), "")


@dataclass(frozen=True)
class Facts:
    """What is known of one module.

    Attributes:
        hint: `name_hint` of its name.
        tensors: its own tensors: name → shape.
        modules: whether it holds modules with numbers, "out_proj", and others, for names.

    """

    hint: str = ""
    tensors: Mapping[str, Shape] = field(default_factory=dict)
    modules: frozenset[str] = frozenset()

    @cached_property
    def weight(self) -> Shape | None:
        """The shape of the weight; also where weight_norm or spectral_norm has split it."""
        names = self.tensors.keys() - {"bias"}
        if names == {"weight"}:
            return self.tensors["weight"]
        if names == {"weight_g", "weight_v"}:
            return self.tensors["weight_v"]
        if names in ({"weight_orig", "weight_u", "weight_v"}, {"weight_orig", "weight_u"}):
            return self.tensors["weight_orig"]
        return None

    @property
    def bias(self) -> Shape | None:
        """The shape of the bias."""
        return self.tensors.get("bias")

    @property
    def is_leaf(self) -> bool:
        """Whether it holds no modules."""
        return not self.modules


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind and when it is claimed."""

    kind: str
    fits: Callable[[Facts], bool]


def _gates(facts: Facts, suffix: str) -> int:
    """Gates of a recurrent module (4: LSTM, 3: GRU, 1: RNN), 0 if it is none; torch.nn.LSTM's "Variables"."""
    inputs, hidden = facts.tensors.get("weight_ih" + suffix), facts.tensors.get("weight_hh" + suffix)
    if inputs is None or hidden is None or len(inputs) != 2 or len(hidden) != 2 or inputs[0] != hidden[0]:
        return 0
    projection = facts.tensors.get("weight_hr" + suffix)
    size = projection[-1] if projection else hidden[1]
    return inputs[0] // size if size and inputs[0] % size == 0 else 0


def _recurrent(gates: int, suffix: str) -> Callable[[Facts], bool]:
    return lambda facts: _gates(facts, suffix) == gates


def _attends(facts: Facts) -> bool:
    packed = facts.tensors.get("in_proj_weight")
    apart = {"q_proj_weight", "k_proj_weight", "v_proj_weight"} <= facts.tensors.keys()
    return "out_proj" in facts.modules and (apart or (packed is not None and len(packed) == 2))


def _has_statistics(facts: Facts) -> bool:
    mean = facts.tensors.get("running_mean")
    return mean is not None and len(mean) == 1 and facts.tensors.get("running_var") == mean and facts.is_leaf


def _is_affine(facts: Facts) -> bool:
    """Weight and bias of one shape: what a norm without running statistics has."""
    return facts.is_leaf and bool(facts.weight) and facts.weight == facts.bias and "weight" in facts.tensors


def _scales(facts: Facts) -> bool:
    """A vector of weights and nothing else."""
    return facts.is_leaf and facts.weight is not None and len(facts.weight) == 1 and len(facts.tensors) == 1


def _is_embedding(facts: Facts) -> bool:
    return facts.is_leaf and len(facts.weight or ()) == 2 and facts.bias is None and facts.hint == "embedding"


def _is_linear(facts: Facts) -> bool:
    weight = facts.weight
    if not facts.is_leaf or weight is None or len(weight) != 2:
        return False
    return facts.bias == weight[:1] if facts.bias is not None else facts.hint != "rms"


def _convolves(dimensions: int) -> Callable[[Facts], bool]:
    def fits(facts: Facts) -> bool:
        weight = facts.weight
        if not facts.is_leaf or weight is None or len(weight) != dimensions + 2 or facts.hint == "rms":
            return False
        return facts.bias is None or facts.bias == weight[:1]

    return fits


def _convolves_transposed(dimensions: int) -> Callable[[Facts], bool]:
    """Weights are (in, out / groups, …), biases (out,): where that may be a plain convolution too, its name decides.

    A module that enlarges ("upconv1") may also be a plain convolution behind an interpolation: those have odd
    kernels, transposed ones that double the size have even ones.
    """

    def fits(facts: Facts) -> bool:
        weight, bias = facts.weight, facts.bias
        if not facts.is_leaf or weight is None or len(weight) != dimensions + 2:
            return False
        told = facts.hint == "transposed" or (facts.hint == "up" and weight[2] % 2 == 0)
        if bias is None:
            return told
        if len(bias) != 1 or not weight[1] or bias[0] % weight[1]:
            return False
        groups = bias[0] // weight[1]
        return groups > 0 and weight[0] % groups == 0 and (bias[0] != weight[0] or told)

    return fits


def _is_quiet_container(facts: Facts) -> bool:
    return not facts.tensors and facts.modules == {"0"}


RULES: tuple[Rule, ...] = (
    Rule("MultiheadAttention", _attends),
    Rule("LSTM", _recurrent(4, "_l0")),
    Rule("GRU", _recurrent(3, "_l0")),
    Rule("RNN", _recurrent(1, "_l0")),
    Rule("LSTMCell", _recurrent(4, "")),
    Rule("GRUCell", _recurrent(3, "")),
    Rule("RNNCell", _recurrent(1, "")),
    Rule("InstanceNorm", lambda facts: _has_statistics(facts) and facts.hint == "instance"),
    Rule("BatchNorm", _has_statistics),
    Rule("GroupNorm", lambda facts: _is_affine(facts) and facts.hint == "group"),
    Rule("InstanceNorm", lambda facts: _is_affine(facts) and facts.hint == "instance"),
    Rule("BatchNorm", lambda facts: _is_affine(facts) and facts.hint == "batch"),
    Rule("LayerNorm", lambda facts: _is_affine(facts) and facts.hint in ("layer", "layernorm")),
    # Only a LayerNorm may normalise over several dimensions.
    Rule("LayerNorm", lambda facts: _is_affine(facts) and len(facts.weight or ()) > 1),
    Rule("Norm", _is_affine),
    # A LayerNorm without bias has the same tensor: "ln" may be one, the T5 and Llama families write RMS norms.
    Rule("RMSNorm", lambda facts: _scales(facts) and facts.hint in ("rms", "layernorm", "norm")),
    Rule(
        "RMSNorm",
        lambda facts: facts.is_leaf and len(facts.tensors) == 1 and facts.hint == "rms" and bool(facts.weight),
    ),
    Rule("Norm", lambda facts: _scales(facts) and facts.hint == "layer"),
    Rule("PReLU", lambda facts: _scales(facts) and facts.hint == "prelu"),
    Rule("Embedding", _is_embedding),
    Rule("ConvTranspose1d", _convolves_transposed(1)),
    Rule("ConvTranspose2d", _convolves_transposed(2)),
    Rule("ConvTranspose3d", _convolves_transposed(3)),
    Rule("Conv1d", _convolves(1)),
    Rule("Conv2d", _convolves(2)),
    Rule("Conv3d", _convolves(3)),
    # Without a bias or a telling name a matrix may be an Embedding too; Linear is far more common.
    Rule("Linear", _is_linear),
    # A ModuleList and a Sequential write the same keys.
    Rule("ModuleList/Sequential", _is_quiet_container),
)


def kind_of(facts: Facts) -> str:
    """The kind of a module, "" where nothing shows it."""
    return next((rule.kind for rule in RULES if rule.fits(facts)), "")
