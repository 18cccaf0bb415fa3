"""A folder of transformers in the window: one tree, findings that lead to their places, the optimizer by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pytestqt.qtbot import QtBot

from sdviewer.checkpoint.wording import number
from sdviewer.ui.detail.blocks import GridView, NoteStrip
from sdviewer.ui.detail.derived_bar import DerivedBar
from sdviewer.ui.detail.describe import name_of
from sdviewer.ui.document.tab import DocumentTab
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.optimizer.pane import OptimizerPane
from tests.helpers.trained_folders import llama_config, trainers_order, write_json, write_trained
from tests.ui.looking import current_name, facts, model_of, names, statistic
from tests.unit.formats.test_adapter_check import BASE, TWO, adapter, peft_config, write

Settle = Callable[[MainWindow], DocumentTab]


def opened(window: MainWindow, settle: Settle, folder: Path) -> DocumentTab:
    window.open_files([str(folder)])
    return settle(window)


def problems(tab: DocumentTab) -> GridView:
    return next(view for view in tab.detail.findChildren(GridView) if view.grid.title == "Problems")


def test_a_folder_is_one_tree_with_each_file_under_its_name(window: MainWindow, settle: Settle, tmp_path: Path) -> None:
    write_trained(tmp_path, shards=2)
    tab = opened(window, settle, tmp_path)
    assert {
        *("model", "optimizer.pt", "scheduler.pt", "scaler.pt", "rng_state.pth", "training_args.bin"),
        *("config.json", "generation_config.json", "trainer_state.json", "tokenizer_config.json"),
    } <= set(names(tab))
    files = next(view for view in tab.detail.findChildren(GridView) if view.grid.title == "Files")
    assert [row[0] for row in files.grid.rows][-1] == "rng_state.pth"


def test_the_findings_of_a_config_lead_to_their_tensors_and_to_the_config(
    window: MainWindow, settle: Settle, tmp_path: Path
) -> None:
    write_trained(tmp_path, config=llama_config(num_hidden_layers=14, intermediate_size=41))
    tab = opened(window, settle, tmp_path)
    checkpoint = model_of(tab).checkpoint
    grid = problems(tab).grid
    led_to = [name_of(checkpoint, node) for node in grid.nodes]
    assert led_to == ["config.json", "model/model.layers.0.mlp.down_proj.weight"]
    tab.go_to_name("config.json")
    settle(window)
    assert current_name(tab) == "config.json"
    told = [note.text() for note in tab.detail.findChildren(NoteStrip) if note.isVisible()]
    assert any("num_hidden_layers = 14" in text for text in told)


def test_the_optimizer_of_the_folder_is_shown_by_the_names_of_the_model(
    window: MainWindow, settle: Settle, tmp_path: Path
) -> None:
    model = write_trained(tmp_path)
    tab = opened(window, settle, tmp_path)
    tab.go_to_name("optimizer.pt")
    settle(window)
    tab.detail.show_pane("optimizer")
    settle(window)
    pane = tab.detail.panes["optimizer"]
    assert isinstance(pane, OptimizerPane)
    parameters = pane.table.parameters
    shown = [str(parameters.index(row, 0).data()) for row in range(parameters.rowCount())]
    assert shown == trainers_order(model)


def test_opening_again_shows_what_the_run_wrote_meanwhile(window: MainWindow, settle: Settle, tmp_path: Path) -> None:
    write_trained(tmp_path, without=("optimizer.pt", "rng_state.pth"))
    tab = opened(window, settle, tmp_path)
    assert "optimizer.pt" not in names(tab)
    write_trained(tmp_path, config=llama_config(vocab_size=50))
    window.actions_by_name["reload"].trigger()
    tab = settle(window)
    assert "optimizer.pt" in names(tab)
    assert any("vocab_size = 50" in row[1] for row in problems(tab).grid.rows)


def test_a_pair_of_an_adapters_folder_is_looked_at_as_the_change_that_it_makes(
    window: MainWindow, settle: Settle, tmp_path: Path, qtbot: QtBot
) -> None:
    tensors = adapter(TWO)
    write(tmp_path, tensors, peft_config(alpha_pattern={"q_proj": 2}))
    write_json(tmp_path / "config.json", {"model_type": "llama"})
    tab = opened(window, settle, tmp_path)
    tab.go_to_name(f"{BASE}.0.self_attn.q_proj.lora_A.weight")
    settle(window)
    (bar,) = tab.detail.findChildren(DerivedBar)
    assert bar.isVisible()
    bar.box.setChecked(True)
    settle(window)
    assert facts(tab)["Scale"].startswith("0.5, α/r = 2/4")
    tab.detail.show_pane("overview")
    settle(window)
    a = tensors[f"{BASE}.0.self_attn.q_proj.lora_A.weight"].double()
    b = tensors[f"{BASE}.0.self_attn.q_proj.lora_B.weight"].double()
    change = 0.5 * (b @ a)
    qtbot.waitUntil(lambda: statistic(tab, "Maximum") == number(float(change.float().max())), timeout=20_000)
