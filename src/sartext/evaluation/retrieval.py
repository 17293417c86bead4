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

from sartext.errors import EvaluationError
from sartext.evaluation.ranking import Floats, Ranks, rank

CUTS = (1, 5, 10)
"""The ranks at which recall is reported."""

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

    Without ties this is the recall of ``clip_benchmark.metrics.zeroshot_retrieval``. Where a negative ties with
    the best positive, that takes whichever its sorting happens to put first; here all orders are equally likely.

    Args:
        images: features [n, d], normalised.
        texts: features [m, d], normalised.
        image_labels: n whole numbers; a text is positive for an image if their labels are equal. Without labels
            the texts are the images' own captions, in the same order (one-positive). With labels of equal facts
            it is duplicate-aware; with the number of its image as each text's label, several captions per image
            are scored as the field does.
        text_labels: m whole numbers; those of the images where absent.

    Raises:
        EvaluationError: there is nothing to rank, numbers of features and labels differ, the two sides have
            features of different width, or one is no number.
    """
    ranked = ranks(images, texts, image_labels, text_labels)
    return Retrieval(ranked[0].found(CUTS), ranked[1].found(CUTS))


def ranks(
    images: torch.Tensor,
    texts: torch.Tensor,
    image_labels: Labels | None = None,
    text_labels: Labels | None = None,
) -> tuple[Ranks, Ranks]:
    """Return where the best positives of the images and of the texts stand; see `retrieval`, which cuts them.

    Raises:
        EvaluationError: as `retrieval`.
    """
    if image_labels is None:
        image_labels = range(len(images))
    left = _labels(image_labels)
    right = left if text_labels is None else _labels(text_labels)
    if len(images) != len(left) or len(texts) != len(right) or not len(images) or not len(texts):
        raise EvaluationError(
            f"{len(images)} images with {len(left)} labels, {len(texts)} texts with {len(right)}",
            way_out="give a label to every image and text, or no labels and a text for every image",
        )
    check_features(images, texts)
    return rank(images, texts.to(images.device), left, right)


def check_features(images: torch.Tensor, texts: torch.Tensor) -> None:
    """Refuse features that cannot be compared.

    Raises:
        EvaluationError: they are no matrices, their widths differ, or a value is no finite number.
    """
    for name, one in (("images", images), ("texts", texts)):
        if one.ndim != 2 or not one.is_floating_point():
            raise EvaluationError(
                f"features of {one.dtype} and shape {tuple(one.shape)}",
                where=name,
                way_out="give a matrix of floating-point numbers, a row for each",
            )
        # a row's sum of squares is finite only if all of its values are; it needs no second matrix
        wrong = (~torch.isfinite(torch.linalg.vector_norm(one.float(), dim=1))).nonzero()
        if len(wrong):
            raise EvaluationError(
                f"{len(wrong)} of {len(one)} features hold a value that is no finite number, the first in row "
                f"{int(wrong[0])}",
                where=name,
                way_out="the model diverged or overflows in half precision: embed in fp32, or name a sound model",
            )
    if images.shape[1] != texts.shape[1]:
        raise EvaluationError(
            f"features of images have {images.shape[1]} values, those of texts {texts.shape[1]}",
            way_out="embed both by the same model",
        )


def ceiling(labels: Labels) -> float:
    """Return the one-positive mean recall, times 100, of a model that knows an image's facts and no more.

    Such a model ranks the captions with equal facts first and cannot tell them apart: of ``m`` equal ones it
    finds the image's own among the first ``k`` with chance ``min(1, k / m)``.
    """
    return 100 * float(perfect_ranks(labels).found(CUTS).mean())


def perfect_ranks(labels: Labels) -> Ranks:
    """Return the one-positive ranks, the same both ways, of a model that knows an image's facts and no more."""
    _, where, sizes = np.unique(_labels(labels).numpy(), return_inverse=True, return_counts=True)
    others = (sizes[where] - 1).astype(np.float64)
    return Ranks(np.zeros_like(others), others, np.ones_like(others))


def chance_ranks(labels: Labels) -> Ranks:
    """Return the ranks, the same both ways, of a random order: all are as similar as a positive."""
    _, where, sizes = np.unique(_labels(labels).numpy(), return_inverse=True, return_counts=True)
    positives = sizes[where].astype(np.float64)
    return Ranks(np.zeros_like(positives), len(positives) - positives, positives)


def _labels(labels: Labels) -> torch.Tensor:
    held = labels.cpu() if isinstance(labels, torch.Tensor) else labels
    return torch.as_tensor(np.asarray(held, dtype=np.int64))
