"""Health: each rule on both sides of its threshold, and silence about what honest checkpoints hold."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from sdviewer.analysis.channel_table import ChannelTable
from sdviewer.analysis.checkup import Checkup, check_up
from sdviewer.analysis.health import Finding, Severity, health
from sdviewer.analysis.health_facts import health_facts
from sdviewer.analysis.health_rules import RULES
from sdviewer.analysis.statistics_table import COLUMNS, PLACE, Figures, StatisticsTable
from sdviewer.control import Control
from sdviewer.errors import Cancelled
from sdviewer.formats.opening import open_checkpoint
from tests.helpers.corpus import CORPUS, files, needs_corpus
from tests.helpers.saved import opened


def weights(*shape: int, seed: int = 0) -> torch.Tensor:
    """What a trained layer may hold."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 0.02


def checked(folder: Path, state: dict[str, Any]) -> Checkup:
    return check_up(opened(folder, state))


def found(folder: Path, state: dict[str, Any], rule: str) -> list[Finding]:
    """What one rule says of a state_dict."""
    return [finding for finding in checked(folder, state).health.findings() if finding.rule == rule]


def levels(findings: list[Finding]) -> dict[str, Severity]:
    return {finding.where: finding.severity for finding in findings}


# -- one rule after the other ------------------------------------------------------------------


def test_nan_and_infinities_are_an_error_with_their_numbers_and_channels(tmp_path: Path) -> None:
    sick = weights(16, 32)
    sick[3, 5], sick[9, :2] = math.nan, -math.inf
    (finding,) = found(tmp_path, {"fc.weight": sick, "fc2.weight": weights(16, 32)}, "nonfinite")
    assert (finding.severity, finding.where, finding.value) == (Severity.ERROR, "fc.weight", 3)
    assert finding.message == "of 512 values 1 is NaN and 2 are −∞, the first at [3, 5]"
    assert finding.channels == (3, 9)


@pytest.mark.parametrize("value", [math.nan, math.inf], ids=str)
def test_one_bad_value_among_a_million_is_found_in_every_dtype(tmp_path: Path, value: float) -> None:
    for dtype in (torch.float32, torch.bfloat16, torch.float16, torch.float64):
        sick = weights(1000, 1000).to(dtype)
        sick[999, 999] = value
        assert levels(found(tmp_path, {"w.weight": sick}, "nonfinite")) == {"w.weight": Severity.ERROR}


def test_masks_of_minus_infinity_and_observers_are_notes(tmp_path: Path) -> None:
    mask = torch.full((8, 8), -math.inf).triu(1)
    state = {"attn_mask": mask, "attn.causal": mask, "obs.min_val": torch.tensor(math.inf)}
    assert set(levels(found(tmp_path, state, "nonfinite")).values()) == {Severity.NOTE}
    assert checked(tmp_path, state).verdict == "healthy"


def test_a_mask_that_holds_nan_is_an_error(tmp_path: Path) -> None:
    mask = torch.full((8, 8), -math.inf).triu(1)
    mask[0, 0] = math.nan
    assert levels(found(tmp_path, {"attn_mask": mask}, "nonfinite")) == {"attn_mask": Severity.ERROR}


def test_a_running_variance_below_zero_is_an_error_and_of_zero_a_warning(tmp_path: Path) -> None:
    state = {
        f"{name}.running_var": torch.tensor([1.0, value, 2.0])
        for name, value in (("a", -1e-9), ("b", 0.0), ("c", 1e-9))
    }
    findings = found(tmp_path, state, "running_var")
    assert levels(findings) == {"a.running_var": Severity.ERROR, "b.running_var": Severity.WARNING}
    assert findings[1].message == "1 of 3 channels has a variance of 0"


def test_a_matrix_of_zeros_is_a_warning_and_a_bias_of_zeros_a_note(tmp_path: Path) -> None:
    almost = torch.zeros(8, 8)
    almost[0, 0] = 1e-30
    state = {
        "a.weight": torch.zeros(8, 8),
        "b.weight": almost,
        "a.bias": torch.zeros(8),
        "lora_B.weight": torch.zeros(8, 8),
        "n.num_batches_tracked": torch.tensor(0),
        "ids": torch.zeros(8, 8, dtype=torch.int64),
        "one": torch.zeros(1),
    }
    assert levels(found(tmp_path, state, "all_zero")) == {
        "a.weight": Severity.WARNING,
        "a.bias": Severity.NOTE,
        "lora_B.weight": Severity.NOTE,
    }


def test_a_matrix_of_one_value_is_a_warning_and_a_norm_of_ones_a_note(tmp_path: Path) -> None:
    almost = torch.ones(8, 8)
    almost[0, 0] = 1.5
    state = {
        "a.weight": torch.full((8, 8), 0.5),
        "b.weight": almost,
        "norm.weight": torch.ones(8),
        "norm.running_var": torch.ones(8),
        "blur.weight": torch.full((1, 1, 3, 3), 1 / 9),
    }
    assert levels(found(tmp_path, state, "constant")) == {
        "a.weight": Severity.WARNING,
        "norm.weight": Severity.NOTE,
        "blur.weight": Severity.NOTE,
    }


def test_dead_channels_are_told_with_their_indices_and_a_quarter_of_them_is_a_warning(tmp_path: Path) -> None:
    few, many, none = weights(64, 32, seed=1), weights(64, 32, seed=2), weights(64, 32, seed=3)
    few[[5, 7]] = 0
    many[:16] = weights(16, 32, seed=4) * 0.5e-3
    none[:16] = weights(16, 32, seed=4) * 3e-3
    state = {"few.weight": few, "many.weight": many, "none.weight": none}
    findings = found(tmp_path, state, "dead_channels")
    assert levels(findings) == {"many.weight": Severity.WARNING, "few.weight": Severity.NOTE}
    assert findings[1].channels == (5, 7)
    assert findings[1].value == 2 / 64


def test_unused_rows_of_an_embedding_are_a_note(tmp_path: Path) -> None:
    table = weights(64, 32)
    table[32:] = 0
    assert levels(found(tmp_path, {"embed_tokens.weight": table}, "dead_channels")) == {
        "embed_tokens.weight": Severity.NOTE
    }


def test_equal_rows_of_an_embedding_are_told_by_their_bytes(tmp_path: Path) -> None:
    table = weights(64, 32)
    table[9] = table[50] = table[4]
    table[20] = table[21].flip(0)
    (finding,) = found(tmp_path, {"embed_tokens.weight": table}, "equal_rows")
    assert (finding.severity, finding.channels, finding.value) == (Severity.NOTE, (4, 9, 50), 3)
    assert not found(tmp_path, {"embed_tokens.weight": weights(64, 32)}, "equal_rows")


def test_one_value_at_the_largest_float16_is_a_warning(tmp_path: Path) -> None:
    full, below = weights(16, 32).half(), weights(16, 32).half()
    full[0, 0], below[0, 0] = 65504, 65472
    findings = found(tmp_path, {"full.weight": full, "below.weight": below}, "saturated")
    assert levels(findings) == {"full.weight": Severity.WARNING}
    assert "1 of 512 values (0.20 %) is ±65504, the largest of float16" in findings[0].message


def test_float8_is_saturated_from_five_per_cent_on(tmp_path: Path) -> None:
    def tensor(count: int) -> torch.Tensor:
        values = weights(10, 10) * 100
        values.view(-1)[:count] = 448
        return values.to(torch.float8_e4m3fn)

    state = {"five.weight": tensor(5), "six.weight": tensor(6)}
    assert levels(found(tmp_path, state, "saturated")) == {"six.weight": Severity.WARNING}


def test_a_mask_of_the_smallest_number_is_a_note(tmp_path: Path) -> None:
    mask = torch.full((8, 8), torch.finfo(torch.float16).min).triu(1).half()
    assert levels(found(tmp_path, {"causal_mask": mask}, "saturated")) == {"causal_mask": Severity.NOTE}


@pytest.mark.parametrize(
    ("dtype", "tiny", "severity"),
    [
        (torch.float32, 1e-40, Severity.WARNING),
        (torch.bfloat16, 1e-39, Severity.WARNING),
        (torch.float16, 3e-5, Severity.NOTE),
        (torch.float8_e4m3fn, 0.01, Severity.NOTE),
    ],
    ids=str,
)
def test_more_than_one_per_cent_of_subnormals_are_found(
    tmp_path: Path, dtype: torch.dtype, tiny: float, severity: Severity
) -> None:
    def tensor(count: int) -> torch.Tensor:
        values = torch.linspace(1, 2, 1000).reshape(10, 100)
        values.view(-1)[:count] = tiny
        return values.to(dtype)

    state = {"ten.weight": tensor(10), "eleven.weight": tensor(11)}
    findings = found(tmp_path, state, "subnormal")
    assert levels(findings) == {"eleven.weight": severity}
    assert findings[0].value == pytest.approx(0.011)


def layers(count: int, **scaled: float) -> dict[str, torch.Tensor]:
    """A role in so many layers; `_3=20.0` scales that of layer 3."""
    return {
        f"layers.{i}.q_proj.weight": weights(32, 32, seed=i) * (1 + 0.1 * (i % 5)) * scaled.get(f"_{i}", 1.0)
        for i in range(count)
    }


def test_a_layer_whose_magnitude_is_far_from_its_likes_is_found(tmp_path: Path) -> None:
    findings = found(tmp_path, layers(12, _3=20.0, _7=4.0, _8=1.5), "layer_outlier")
    assert levels(findings) == {
        "layers.3.q_proj.weight": Severity.WARNING,
        "layers.7.q_proj.weight": Severity.NOTE,
    }
    rms = np.array([float((t.double() ** 2).mean().sqrt()) for t in layers(12, _3=20.0, _7=4.0, _8=1.5).values()])
    distance = np.abs(np.log(rms) - np.median(np.log(rms)))
    assert findings[0].value == pytest.approx(distance[3] / np.median(distance))
    assert "12 tensors layers.*.q_proj.weight" in findings[0].message


def test_fewer_than_eight_layers_say_nothing_of_one(tmp_path: Path) -> None:
    assert found(tmp_path, layers(8, _3=20.0), "layer_outlier")
    assert not found(tmp_path, layers(7, _3=20.0), "layer_outlier")


def test_other_shapes_and_other_roles_are_not_compared(tmp_path: Path) -> None:
    state = layers(12)
    state["layers.12.q_proj.weight"] = weights(8, 8) * 100
    state["layers.1.k_proj.weight"] = weights(32, 32) * 100
    assert not found(tmp_path, state, "layer_outlier")


def test_a_layer_that_was_copied_is_a_warning_and_a_tensor_stored_twice_a_note(tmp_path: Path) -> None:
    state = {"emb.weight": weights(40, 16, seed=99), **layers(4)}
    state["layers.2.q_proj.weight"] = state["layers.0.q_proj.weight"].clone()
    state["head.weight"] = state["emb.weight"].clone()
    state["tied.weight"] = state["emb.weight"]
    findings = found(tmp_path, state, "byte_equal")
    assert levels(findings) == {"layers.2.q_proj.weight": Severity.WARNING, "head.weight": Severity.NOTE}
    assert "layers.0.q_proj.weight" in findings[0].message


def test_the_same_values_in_another_order_are_not_equal(tmp_path: Path) -> None:
    first = weights(40, 16)
    state = {"layers.0.weight": first, "layers.1.weight": first.flip(0), "layers.2.weight": first.double().float().T}
    assert not found(tmp_path, state, "byte_equal")


def test_tensors_that_cannot_be_read_are_errors_and_the_others_are_examined(tmp_path: Path) -> None:
    path = tmp_path / "cut.safetensors"
    safetensors.torch.save_file({"a": weights(16, 32), "b": weights(16, 32)}, path)
    path.write_bytes(path.read_bytes()[:-100])
    result = check_up(open_checkpoint(path))
    (finding,) = [finding for finding in result.health.findings() if finding.rule == "unreadable"]
    assert (finding.where, finding.severity) == ("b", Severity.ERROR)
    assert result.verdict == "findings"


def test_sparse_and_meta_tensors_are_no_failures(tmp_path: Path) -> None:
    state = {"sparse": weights(8, 8).to_sparse(), "meta": torch.zeros(2, device="meta"), "w": weights(8, 8)}
    result = checked(tmp_path, state)
    assert result.verdict == "healthy"
    assert result.health.is_complete


# -- the whole ---------------------------------------------------------------------------------


def test_every_rule_has_a_reason_a_limit_and_an_id_of_its_own() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert all(rule.reason.endswith(".") and rule.limit and rule.title for rule in RULES)


def test_models_as_torch_makes_them_and_their_optimizers_are_healthy(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 16, 3), torch.nn.BatchNorm2d(16), torch.nn.Flatten(), torch.nn.Linear(16 * 36, 10)
    )
    encoder = torch.nn.TransformerEncoderLayer(32, 4, 64)
    table = torch.nn.Embedding(100, 32, padding_idx=0)
    optimizer = torch.optim.Adam([*model.parameters(), *encoder.parameters()])
    model(torch.randn(4, 3, 8, 8)).sum().backward()
    optimizer.step()
    state = {
        "model": {**model.state_dict(), **encoder.state_dict(prefix="enc."), **table.state_dict(prefix="emb.")},
        "optimizer": optimizer.state_dict(),
        "best": torch.tensor(math.inf),
    }
    result = checked(tmp_path, state)
    assert result.verdict == "healthy", list(result.health.findings())


@needs_corpus
@pytest.mark.parametrize(
    "name",
    [
        name
        for name in files("real")
        if any(
            part in name
            for part in (
                "rl-trained",
                "Ultra-Light",
                "3DDFA_V2",
                "DnCNN_sigma25_model.pth",
                "mtcnn",
                "facenet",
                "lpips",
            )
        )
        or any(part in name for part in ("MiniFASNetV2", "silero", "vit4mnist", "vdsr", "g2p", "pytorch_model.bin"))
    ],
)
def test_models_that_people_use_are_healthy(name: str) -> None:
    result = check_up(open_checkpoint(CORPUS / name))
    assert result.verdict == "healthy", list(result.health.findings())


def test_marks_are_the_worst_of_each_tensor(tmp_path: Path) -> None:
    sick = torch.zeros(16, 32)
    sick[3] = math.nan
    result = checked(tmp_path, {"ok.weight": weights(16, 32), "sick.weight": sick, "sick.bias": torch.zeros(16)})
    assert result.health.marks.tolist() == [0, Severity.ERROR, Severity.NOTE]
    (first, *_) = result.health.of(1)
    assert first.rule == "nonfinite"


def test_rules_can_be_asked_before_anything_is_scanned(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, layers(9))
    early = health(health_facts(checkpoint), StatisticsTable(9), ChannelTable(9))
    assert (early.verdict, early.examined, early.is_complete) == ("healthy", 0, False)
    assert list(early.findings()) == []


def test_cancelling_stops_a_checkup(tmp_path: Path) -> None:
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        check_up(opened(tmp_path, layers(2)), control)


def test_a_hundred_thousand_rows_are_judged_while_a_window_waits(tmp_path: Path) -> None:
    names = [f"layers.{i // 8}.{'abcdefgh'[i % 8]}.weight" for i in range(100_000)]
    tensor = torch.zeros(8, 4)
    checkpoint = opened(tmp_path, dict.fromkeys(names, tensor))
    facts, table = health_facts(checkpoint), StatisticsTable(100_000)
    figures = np.zeros(len(COLUMNS))
    for name, value in {"count": 32, "finite": 32, "min": -1, "max": 1, "rms": 0.5}.items():
        figures[PLACE[name]] = value
    for row in range(100_000):
        figures[PLACE["rms"]] = 0.5 + row % 97 / 1000
        table.fill(row, Figures(figures))
    best = math.inf
    for _ in range(3):
        start = time.perf_counter()
        judged = health(facts, table, ChannelTable(100_000))
        best = min(best, time.perf_counter() - start)
    assert judged.verdict == "healthy"
    # Twenty times what it takes, for busy machines; the benchmark has the mark.
    assert best < 2
