"""Logits out of a table, so coarse that many are equal: what a search does with ties, without any model."""

import numpy as np
import torch

from tests.golden.scenes import END, PAD

VOCABULARY, IMAGES, POSITIONS, SEED = 24, 24, 16, 11
CASES = ((6, 3, 16, 5), (4, 2, 12, 1), (6, 1, 16, 2), (6, 6, 16, 3), (4, 1, 10, 8), (9, 3, 16, 4))
"""Beams, groups, length and minimum of each search."""


def table() -> torch.Tensor:
    """Logits in quarters [images, positions, token before, next token]; a third of the images ends late."""
    rng = np.random.default_rng(SEED)
    values = rng.integers(-12, 13, size=(IMAGES, POSITIONS, VOCABULARY, VOCABULARY)) / 4
    values[::3, :, :, END] -= 6
    values[1::3, :, :, END] += 2
    values[:, :, :, PAD] = -4
    return torch.from_numpy(values).float()


class Scripted:
    """The table as a run of captions (`sartext.models.decoding.kv_cache.Run`)."""

    def __init__(self) -> None:
        self.images = IMAGES
        self._table = table()
        self._position = 0

    def step(self, tokens: np.ndarray, origin: np.ndarray | None = None) -> torch.Tensor:
        rows = torch.arange(self.images)[:, None]
        logits = self._table[rows, self._position, torch.from_numpy(tokens)]
        self._position += 1
        return logits

    def keep(self, images: np.ndarray) -> None:
        self._table = self._table[torch.from_numpy(images)]
        self.images = len(images)
