"""Retrieval from image to text and from text to image: recall at 1, 5 and 10, one-positive and duplicate-aware.

One-positive scoring counts only an image's own caption, as the field does. Captions made from facts repeat, so the
duplicate-aware score counts every caption with equal facts, and the ceiling says what a perfect model reaches in
one-positive scoring.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

CUTS = (1, 5, 10)
"""The ranks at which recall is reported."""

BUDGET = 1 << 22
"""Similarities held at a time: memory grows with the gallery, not with its square."""

Floats = npt.NDArray[np.float64]
Labels = Sequence[int] | npt.NDArray[np.int64] | torch.Tensor


@dataclass(frozen=True)
class Retrieval:
    """For every query the chance, 0 or 1 where nothing ties, that a positive stands among the first ``CUTS``.

    ``image_to_text`` has a row per image, ``text_to_image`` a row per text; the columns are ``CUTS``.
    """

    image_to_text: Floats
    text_to_image: Floats

    @property
    def figures(self) -> dict[str, float]:
        """R@k both ways and their mean, times 100: ``i2t_r1`` to ``t2i_r10``, ``mean_recall``."""
        named = {
            f"{way}_r{cut}": 100 * float(hits[:, column].mean())
            for way, hits in (("i2t", self.image_to_text), ("t2i", self.text_to_image))
            for column, cut in enumerate(CUTS)
        }
        return {**named, "mean_recall": self.mean_recall}

    @property
    def mean_recall(self) -> float:
        """The mean of the six recalls, times 100."""
        return 50 * float(self.image_to_text.mean() + self.text_to_image.mean())

    @property
    def per_pair(self) -> Floats:
        """What each pair adds to mean recall, times 100; for one caption per image, in the same order."""
        return np.asarray(50 * (self.image_to_text.mean(axis=1) + self.text_to_image.mean(axis=1)))


def retrieval(
    images: torch.Tensor,
    texts: torch.Tensor,
    image_labels: Labels | None = None,
    text_labels: Labels | None = None,
) -> Retrieval:
    """Rank all texts for each image and all images for each text by the scalar product of their features.

    Args:
        images: features [n, d], normalised.
        texts: features [m, d], normalised.
        image_labels: n whole numbers; a text is positive for an image if their labels are equal. Without labels
            the texts are the images' own captions, in the same order (one-positive). With labels of equal facts
            it is duplicate-aware; with the number of its image as each text's label, several captions per image
            are scored as the field does.
        text_labels: m whole numbers; those of the images where absent.

    Raises:
        ValueError: there is nothing to rank, or numbers of features and labels differ.
    """
    if image_labels is None:
        image_labels = range(len(images))
    left = _labels(image_labels)
    right = left if text_labels is None else _labels(text_labels)
    if len(images) != len(left) or len(texts) != len(right) or not len(images) or not len(texts):
        raise ValueError(f"{len(images)} images with {len(left)} labels, {len(texts)} texts with {len(right)}")
    return Retrieval(_ranked(images, texts, left, right), _ranked(texts, images, right, left))


def ceiling(labels: Labels) -> float:
    """Return the one-positive mean recall, times 100, of a model that knows an image's facts and no more.

    Such a model ranks the captions with equal facts first and cannot tell them apart: of ``m`` equal ones it
    finds the image's own among the first ``k`` with chance ``min(1, k / m)``.
    """
    _, where, sizes = np.unique(_labels(labels).numpy(), return_inverse=True, return_counts=True)
    equal = sizes[where]
    return 100 * float(np.mean([np.minimum(1.0, cut / equal).mean() for cut in CUTS]))


def _labels(labels: Labels) -> torch.Tensor:
    return torch.as_tensor(np.asarray(labels, dtype=np.int64))


def _ranked(queries: torch.Tensor, gallery: torch.Tensor, wanted: torch.Tensor, held: torch.Tensor) -> Floats:
    """The chances [queries, cuts], a block of queries at a time."""
    rows = max(1, BUDGET // len(gallery))
    blocks = []
    for start in range(0, len(queries), rows):
        similarity = queries[start : start + rows].float() @ gallery.float().T
        positive = wanted[start : start + rows, None] == held[None, :]
        blocks.append(_chances(similarity, positive.to(similarity.device)))
    return np.concatenate(blocks)


def _chances(similarity: torch.Tensor, positive: torch.Tensor) -> Floats:
    """The chance that one of the best positives is among the first k, all orders of ties equally likely.

    ``above`` others stand before the best positives, ``ties`` negatives beside them: the first k miss all of the
    positives if their k - above free places go to negatives (hypergeometric). Query without positive: never.
    """
    best = similarity.masked_fill(~positive, -torch.inf).amax(dim=1, keepdim=True)
    above = (similarity > best).sum(dim=1).numpy(force=True)
    equal = similarity == best
    ties = (equal & ~positive).sum(dim=1).numpy(force=True).astype(np.float64)
    best_ones = (equal & positive).sum(dim=1).numpy(force=True).astype(np.float64)
    missed = np.ones((len(above), max(CUTS) + 1))
    for place in range(max(CUTS)):
        left = ties - place
        missed[:, place + 1] = missed[:, place] * np.maximum(left, 0) / np.maximum(left + best_ones, 1)
    places = np.clip(np.array(CUTS)[None, :] - above[:, None], 0, max(CUTS))
    found = 1.0 - np.take_along_axis(missed, places, axis=1)
    return np.where(best_ones[:, None] > 0, found, 0.0)
