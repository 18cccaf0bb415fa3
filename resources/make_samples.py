"""Makes resources/sample/: a small network trained for some seconds, a fine-tune of it, and a copy that was damaged.

    python resources/make_samples.py [--folder FOLDER] [--steps N]

`digits.pt` is what a training run saves: the model that reads digits, its moving average, the optimizer, the schedule.
`digits-tuned.pt` is a run that went on from it with hexadecimal digits: six more rows in the table of digits, the
first layers frozen, an optimizer of its own. `digits-damaged.safetensors` is the model of the first with faults put
in by hand. Needs torch and safetensors; the same torch on the same kind of machine gives the same files.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

_FOLDER = Path(__file__).parent / "sample"
_STEPS = 800
_DECAY = 0.98
_BATCH = 64
# Five columns and seven rows for each of 0 … F; a row is a number whose bits are its dots.
_FONT = (
    "0E11131519110E",
    "040C040404040E",
    "0E11010204081F",
    "1F02040201110E",
    "02060A121F0202",
    "1F101E0101110E",
    "0608101E11110E",
    "1F010204080808",
    "0E11110E11110E",
    "0E11110F01020C",
    "0E11111F111111",
    "1E11111E11111E",
    "0E11101010110E",
    "1C12111111121C",
    "1F10101E10101F",
    "1F10101E101010",
)


class Block(nn.Module):
    """Attention and a small network, each beside a way around it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 4, batch_first=True)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Both halves of the block."""
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))


class DigitReader(nn.Module):
    """Reads a digit off an 8 × 8 picture, by likeness to a table of digits (a tied weight)."""

    def __init__(self, digits: int, width: int = 24) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, width, 3, stride=2, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        self.position = nn.Parameter(torch.zeros(1, 16, width))
        self.layers = nn.ModuleList(Block(width) for _ in range(3))
        self.norm = nn.LayerNorm(width)
        self.digit_embedding = nn.Embedding(digits, width)
        self.head = nn.Linear(width, digits, bias=False)
        self.head.weight = self.digit_embedding.weight

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """A score of every digit for each picture of shape (n, 1, 8, 8)."""
        x = self.stem(pictures).flatten(2).transpose(1, 2) + self.position
        for layer in self.layers:
            x = layer(x)
        scores: torch.Tensor = self.head(self.norm(x.mean(1)))
        return scores


def glyphs() -> torch.Tensor:
    """Sixteen clean digits of shape (16, 1, 8, 8), dots 1 and paper 0."""
    drawn = torch.zeros(len(_FONT), 1, 8, 8)
    for digit, rows in enumerate(_FONT):
        for y, dots in enumerate(bytes.fromhex(rows)):
            drawn[digit, 0, y, 1:6] = torch.tensor([dots >> shift & 1 for shift in range(4, -1, -1)])
    return drawn


def pictures_of(digits: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
    """Each digit moved by up to one dot, in an ink of its own, with noise."""
    moved = torch.stack(
        [
            clean[digit].roll((int(dy), int(dx)), (1, 2))
            for digit, (dy, dx) in zip(digits, torch.randint(-1, 2, (len(digits), 2)), strict=True)
        ]
    )
    return moved * (0.6 + 0.8 * torch.rand(len(digits), 1, 1, 1)) + 0.25 * torch.randn(moved.shape)


def trained(
    model: DigitReader, optimizer: torch.optim.Optimizer, steps: int
) -> tuple[dict[str, torch.Tensor], torch.optim.lr_scheduler.LRScheduler, float]:
    """Train in place; the moving average of the weights, the schedule and the share of digits read well at the end."""
    count, clean = model.head.out_features, glyphs()
    averaged = {name: value.clone() for name, value in model.state_dict().items()}
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    model.train()
    for _ in range(steps):
        digits = torch.randint(0, count, (_BATCH,))
        loss = nn.functional.cross_entropy(model(pictures_of(digits, clean)), digits)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        for name, value in model.state_dict().items():
            averaged[name] = torch.lerp(value, averaged[name], _DECAY) if value.is_floating_point() else value.clone()
    model.eval()
    digits = torch.arange(count).repeat(20)
    with torch.no_grad():
        read = model(pictures_of(digits, clean)).argmax(1)
    return averaged, scheduler, float((read == digits).float().mean())


def damaged(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The faults that a scan should find: NaN, dead channels, an impossible variance, a layer copied over another."""
    state = {name: value.clone() for name, value in state.items()}
    state["layers.0.mlp.0.weight"][torch.randperm(48)[:14]] = 0
    state["layers.1.mlp.0.weight"][5] = torch.nan
    state["layers.1.mlp.0.weight"][20, 11] = torch.inf
    state["layers.2.mlp.2.weight"] = state["layers.1.mlp.2.weight"].clone()
    state["stem.1.running_var"][7] = -0.25
    return state


def main() -> None:
    """Train twice, damage once, save all."""
    parser = argparse.ArgumentParser(description="Make the sample checkpoints again.")
    parser.add_argument("--folder", type=Path, default=_FOLDER)
    parser.add_argument("--steps", type=int, default=_STEPS, help="of training")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)

    model = DigitReader(10)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.05)
    averaged, scheduler, accuracy = trained(model, optimizer, options.steps)
    base = model.state_dict()
    checkpoint = {
        "model": base,
        "ema": averaged,
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "step": options.steps,
        "accuracy": accuracy,
        "config": {"digits": 10, "width": 24, "layers": 3, "heads": 4, "learning_rate": 3e-3, "seed": 0},
    }
    torch.save(checkpoint, options.folder / "digits.pt")
    save_file(damaged(base), options.folder / "digits-damaged.safetensors", {"format": "pt", "made_by": "hand"})

    tuned = DigitReader(16)
    kept = {name: value for name, value in base.items() if name not in ("digit_embedding.weight", "head.weight")}
    tuned.load_state_dict(kept, strict=False)
    with torch.no_grad():
        tuned.digit_embedding.weight[:10] = base["digit_embedding.weight"]
    frozen = (tuned.stem, tuned.layers[0])
    for part in frozen:
        part.requires_grad_(requires_grad=False)
    # A frozen normalisation layer counts on unless it is told not to.
    tuned.stem[1].momentum = 0.0
    groups = [
        {"params": [*tuned.layers[1:].parameters(), tuned.position], "lr": 5e-4},
        {"params": [*tuned.norm.parameters(), tuned.digit_embedding.weight], "lr": 3e-3},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    _, scheduler, accuracy = trained(tuned, optimizer, options.steps // 2)
    checkpoint = {
        "model": tuned.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "step": options.steps + options.steps // 2,
        "accuracy": accuracy,
        "config": {"digits": 16, "width": 24, "layers": 3, "heads": 4, "frozen": ["stem", "layers.0"], "seed": 0},
    }
    torch.save(checkpoint, options.folder / "digits-tuned.pt")
    for path in sorted(options.folder.glob("digits*")):
        print(f"{path}  {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
