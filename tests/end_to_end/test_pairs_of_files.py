"""Two files of one model are told to be what they are: re-saved, trained, cast, wrapped, merged with an adapter."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import sdviewer
from sdviewer.comparison.comparing import Compared, Comparison
from sdviewer.comparison.delta_rank import delta_rank
from sdviewer.comparison.relations import Relation
from tests.helpers.corpus import CORPUS, expected, needs_corpus

Write = Callable[[Path, Any], Path]


def as_zip(folder: Path, value: Any) -> Path:
    torch.save(value, folder / "resaved.pt")
    return folder / "resaved.pt"


def as_legacy(folder: Path, value: Any) -> Path:
    torch.save(value, folder / "legacy.pt", _use_new_zipfile_serialization=False)
    return folder / "legacy.pt"


def as_safetensors(folder: Path, value: Mapping[str, torch.Tensor]) -> Path:
    # The format has neither views nor tied tensors.
    save_file({key: it.detach().clone().contiguous() for key, it in value.items()}, folder / "resaved.safetensors")
    return folder / "resaved.safetensors"


def by_key(found: Comparison) -> dict[str, Compared]:
    return {found.matching.a.keys[one.pair.a]: one for one in found.pairs}


def assert_identical(found: Comparison) -> None:
    assert found.pairs
    # A meta tensor has no values to be the same.
    assert all(one.marks == ("identical",) or (one.marks == () and "meta" in one.error) for one in found.pairs)
    assert found.matching.only_a == found.matching.only_b == ()
    assert not found.partial


# -- re-saves ------------------------------------------------------------------------------------

_BY_TORCH = sorted(
    name for name, told in expected().items() if told.get("weights_only") and "torch.load" in told.get("by", "")
)


def loaded(name: str) -> Any:
    with warnings.catch_warnings():
        # torch's own, about files of old versions and dtypes that go.
        warnings.simplefilter("ignore")
        return torch.load(CORPUS / name, weights_only=True, map_location="cpu")


def fits_safetensors(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(key, str)
        and isinstance(it, torch.Tensor)
        and it.layout is torch.strided
        and not it.is_quantized
        and not it.is_meta
        and it.dtype is not torch.complex32
        for key, it in value.items()
    )


@needs_corpus
@pytest.mark.filterwarnings("ignore:.*quantiz.*:UserWarning", "ignore:.*[Ss]parse.*:UserWarning")
@pytest.mark.parametrize("name", _BY_TORCH)
def test_a_real_file_is_identical_with_its_re_saves(name: str, tmp_path: Path) -> None:
    value = loaded(name)
    writers: list[Write] = [as_zip, as_legacy]
    if fits_safetensors(value):
        writers.append(as_safetensors)
    with sdviewer.open(CORPUS / name) as original:
        for write in writers:
            assert_identical(sdviewer.compare(original, write(tmp_path, value)))


@needs_corpus
@pytest.mark.parametrize(
    ("one", "other"), [("sd.pt", "sd_legacy.pt"), ("sd.pt", "sd_deflate.pt"), ("sd_p4.pt", "sd_p5.pt")]
)
def test_one_state_dict_in_every_container_is_identical(one: str, other: str) -> None:
    assert_identical(sdviewer.compare(CORPUS / "made" / one, CORPUS / "made" / other))


def test_a_made_file_is_identical_in_every_container(tmp_path: Path) -> None:
    dtypes = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool)
    value = {f"of.{str(dtype)[6:]}": (torch.randn(7, 5) * 40).to(dtype) for dtype in dtypes}
    value |= {"turned": torch.randn(4, 6).t(), "part": torch.randn(40)[::3], "none": torch.empty(0, 3)}
    value |= {"odd": torch.tensor([float("nan"), float("inf"), -0.0, 1e-45])}
    paths = [write(tmp_path, value) for write in (as_zip, as_legacy, as_safetensors)]
    for a in paths:
        for b in paths:
            assert_identical(sdviewer.compare(a, b))


# -- one model at two times ----------------------------------------------------------------------

_RNET = "real/timesler+facenet-pytorch__data_rnet.pt"


class RNet(nn.Module):
    """The layers of a small face detector as its file names them, and a norm that drifts."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 28, 3), nn.PReLU(28)
        self.conv2, self.prelu2 = nn.Conv2d(28, 48, 3), nn.PReLU(48)
        self.conv3, self.prelu3 = nn.Conv2d(48, 64, 2), nn.PReLU(64)
        self.dense4, self.prelu4 = nn.Linear(576, 128), nn.PReLU(128)
        self.norm = nn.BatchNorm1d(128)
        self.dense5_1, self.dense5_2 = nn.Linear(128, 2), nn.Linear(128, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = nn.functional.max_pool2d(self.prelu1(self.conv1(x)), 3, 2, ceil_mode=True)
        x = nn.functional.max_pool2d(self.prelu2(self.conv2(x)), 3, 2, ceil_mode=True)
        x = self.prelu3(self.conv3(x)).permute(0, 3, 2, 1).flatten(1)
        x = self.norm(self.prelu4(self.dense4(x)))
        return torch.cat([self.dense5_1(x), self.dense5_2(x)], 1)


@pytest.fixture(params=["made", pytest.param("real", marks=needs_corpus)])
def net(request: pytest.FixtureRequest) -> RNet:
    """With weights of its own, and with those of a real file."""
    torch.manual_seed(0)
    net = RNet()
    if request.param == "real":
        missing, unexpected = net.load_state_dict(loaded(_RNET), strict=False)
        assert not unexpected
        assert all(key.startswith("norm.") for key in missing)
    return net


def test_after_a_training_step_the_trained_layers_differ_and_the_buffers_of_frozen_ones(
    net: RNet, tmp_path: Path
) -> None:
    parts = ("before", "after")
    for part in parts:
        (tmp_path / part).mkdir()
    before = as_zip(tmp_path / "before", net.state_dict())
    for name, parameter in net.named_parameters():
        parameter.requires_grad_(name.startswith("dense5"))
    trained = {name for name, parameter in net.named_parameters() if parameter.requires_grad}
    optimizer = torch.optim.AdamW([it for it in net.parameters() if it.requires_grad], 1e-3)
    net(torch.randn(8, 3, 24, 24)).square().sum().backward()
    optimizer.step()
    after = as_zip(tmp_path / "after", {"model": net.state_dict(), "optimizer": optimizer.state_dict()})
    found = sdviewer.compare(before, after)
    differing = {key for key, one in by_key(found).items() if one.differs}
    buffers = {f"norm.{name}" for name in ("running_mean", "running_var", "num_batches_tracked")}
    assert differing == trained | buffers
    assert all(one.marks in {("identical",), ("changed",)} for one in found.pairs)
    for key, one in by_key(found).items():
        assert (found.matching.a.ref(one.pair.a).role == "buffer") == (key in buffers)
    trees = torch.load(before), torch.load(after)["model"]
    for key in trained:
        a, b = (tree[key].double() for tree in trees)
        measures = by_key(found)[key].measures
        assert measures is not None
        assert measures.norm_delta == pytest.approx(float((a - b).norm()))


def test_a_merged_adapter_changes_its_layer_by_its_rank(net: RNet, tmp_path: Path) -> None:
    (tmp_path / "merged").mkdir()
    base = as_zip(tmp_path, net.state_dict())
    weight, x = net.dense4.weight.detach(), torch.randn(32, 576)
    down, up = nn.Parameter(torch.randn(6, 576) * 0.05), nn.Parameter(torch.zeros(128, 6))
    optimizer = torch.optim.Adam([down, up], 1e-2)
    for _ in range(20):
        optimizer.zero_grad()
        torch.autograd.backward((x @ (weight + 2 * up @ down).T - 1).square().mean())
        optimizer.step()
    with torch.no_grad():
        net.dense4.weight += 2 * up @ down
    merged = as_safetensors(tmp_path / "merged", net.state_dict())
    found = sdviewer.compare(base, merged)
    assert [key for key, one in by_key(found).items() if one.differs] == ["dense4.weight"]
    pair = by_key(found)["dense4.weight"].pair
    assert delta_rank(found.matching, pair).adapter_rank == 6


def test_a_float32_file_is_equal_after_its_cast_to_bfloat16(net: RNet, tmp_path: Path) -> None:
    full = as_zip(tmp_path, net.state_dict())
    half = as_safetensors(
        tmp_path, {key: it.bfloat16() if it.is_floating_point() else it for key, it in net.state_dict().items()}
    )
    for a, b in ((full, half), (half, full)):
        found = sdviewer.compare(a, b)
        for key, one in by_key(found).items():
            if key == "norm.num_batches_tracked":
                assert one.marks == ("identical",)
            else:
                # Zeros and ones lose nothing.
                assert one.marks[1:] == ("dtype",)
                assert one.marks[0] in {"equal", "equal_after_cast"}
                assert one.equal_after_cast
        assert by_key(found)["dense4.weight"].marks[0] == "equal_after_cast"
        assert not found.fails("tolerance")


def test_a_save_of_data_parallel_is_identical_but_for_its_names(net: RNet, tmp_path: Path) -> None:
    plain = as_zip(tmp_path, net.state_dict())
    wrapped = as_legacy(tmp_path, nn.DataParallel(net).state_dict())
    found = sdviewer.compare(plain, wrapped)
    assert {one.marks for one in found.pairs} == {("identical", "renamed")}
    assert len(found.pairs) == len(net.state_dict())
    assert all(found.matching.b.keys[one.pair.b] == f"module.{key}" for key, one in by_key(found).items())


@needs_corpus
def test_a_real_save_of_data_parallel_is_paired_with_its_plain_names(tmp_path: Path) -> None:
    name = "real/minivision-ai+Silent-Face-Anti-Spoofing__resources_anti_spoof_models_2.7_80x80_MiniFASNetV2.pth"
    plain = {key.removeprefix("module."): it for key, it in loaded(name).items()}
    found = sdviewer.compare(CORPUS / name, as_safetensors(tmp_path, plain))
    assert {one.marks for one in found.pairs} == {("identical", "renamed")}
    assert all(f"module.{found.matching.b.keys[one.pair.b]}" == key for key, one in by_key(found).items())
    assert len(found.pairs) == len(plain)


def test_a_grown_vocabulary_and_a_transposed_layer_are_identical_where_they_correspond(
    net: RNet, tmp_path: Path
) -> None:
    base = net.state_dict()
    # The outputs are classes of which there are more now.
    grown = {
        **base,
        "dense5_2.weight": torch.cat([base["dense5_2.weight"], torch.randn(7, 128)]),
        "dense4.weight": base["dense4.weight"].t().contiguous(),
        "conv2.weight": base["conv2.weight"].permute(2, 3, 1, 0).contiguous(),
    }
    grown["dense5_2.weight"][1, 3] += 1
    a, b = as_zip(tmp_path, base), as_safetensors(tmp_path, grown)
    for one, other in ((a, b), (b, a)):
        pairs = by_key(sdviewer.compare(one, other))
        rows, turned, moved = (pairs[key] for key in ("dense5_2.weight", "dense4.weight", "conv2.weight"))
        assert (rows.marks, rows.pair.relation, rows.index) == (("changed", "shape"), Relation.ROWS, (1, 3))
        assert rows.measures is not None
        assert (rows.measures.count, rows.measures.differing) == (4 * 128, 1)
        assert (turned.marks, turned.pair.relation) == (("identical", "shape"), Relation.TRANSPOSED)
        # Both 3 of the kernel could be exchanged: nothing is claimed of values.
        assert (moved.marks, moved.pair.relation) == (("shape",), Relation.PERMUTED)
