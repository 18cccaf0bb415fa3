"""Makes resources/sample/digits.pt: a small network, trained for a few seconds, as a training run saves it.

Run with an environment that has torch: `python packaging/make_sample.py`. The same torch gives the same file.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

_TARGET = Path(__file__).parent.parent / "resources" / "sample" / "digits.pt"
_STEPS = 300
_DECAY = 0.98


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
    """Reads a digit off an 8 × 8 picture, and draws one with the same table of digits (a tied weight)."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, width, 3, stride=2, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        self.position = nn.Parameter(torch.zeros(1, 16, width))
        self.layers = nn.ModuleList(Block(width) for _ in range(3))
        self.norm = nn.LayerNorm(width)
        self.digit_embedding = nn.Embedding(10, width)
        self.head = nn.Linear(width, 10, bias=False)
        self.head.weight = self.digit_embedding.weight

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Ten scores for each picture of shape (n, 1, 8, 8)."""
        x = self.stem(pictures).flatten(2).transpose(1, 2) + self.position
        for layer in self.layers:
            x = layer(x)
        scores: torch.Tensor = self.head(self.norm(x.mean(1)))
        return scores


def main() -> None:
    """Train on pictures made of ten fixed patterns and noise, then save."""
    torch.manual_seed(0)
    torch.use_deterministic_algorithms(mode=True)
    patterns = (torch.rand(10, 1, 8, 8) > 0.5).float()  # half of the pixels are dark
    model = DigitReader()
    averaged = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.05)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, _STEPS)
    losses = []
    for _ in range(_STEPS):
        digits = torch.randint(0, 10, (64,))
        pictures = patterns[digits] + 0.6 * torch.randn(64, 1, 8, 8)
        loss = nn.functional.cross_entropy(model(pictures), digits)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
        for name, value in model.state_dict().items():
            averaged[name] = torch.lerp(value, averaged[name], _DECAY) if value.is_floating_point() else value.clone()
    torch.save(
        {
            "model": model.state_dict(),
            "ema": averaged,
            "optimizer": optimizer.state_dict(),
            "scheduler": scheduler.state_dict(),
            "epoch": 3,
            "loss": losses[-1],
            "config": {"width": 32, "layers": 3, "heads": 4, "learning_rate": 3e-3, "data": "ten patterns and noise"},
        },
        _TARGET,
    )


if __name__ == "__main__":
    main()
