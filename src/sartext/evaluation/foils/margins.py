"""By how much a model finds a true caption more similar to its image than the foil."""

import torch

from sartext.errors import EvaluationError
from sartext.evaluation.benchmarks import Benchmark
from sartext.evaluation.bootstrap import Floats
from sartext.evaluation.embedding import BATCH, embed_images, embed_texts
from sartext.evaluation.foils.making import Foils
from sartext.evaluation.retrieval import check_features
from sartext.models.model import Model


def margins(
    model: Model, foils: Foils, benchmark: Benchmark, *, images: torch.Tensor | None = None, batch: int = BATCH
) -> Floats:
    """Return by how much a model finds each true caption more similar to its image than the foil.

    Args:
        model: a CLIP or a CoCa, on its device.
        foils: of the benchmark.
        benchmark: that the foils were made of.
        images: features of its pictures, in its order, where the model has seen them already.
        batch: pictures, or texts, that the network sees at a time.

    Returns:
        A difference of cosines per foil; 0 where the model cannot tell the two apart.

    Raises:
        EvaluationError: there is no foil, or features do not fit or are no numbers.
    """
    if not foils:
        raise EvaluationError("there is no foil to compare with", where=foils.benchmark, way_out=foils.why_none())
    if images is None:
        images = embed_images(model, benchmark.pictures(), batch=batch)
    texts, _ = embed_texts(model, [*(foil.caption for foil in foils.items), *(foil.foil for foil in foils.items)])
    return margins_of(images, texts[: len(foils)], texts[len(foils) :], foils, benchmark)


def margins_of(
    images: torch.Tensor, captions: torch.Tensor, false: torch.Tensor, foils: Foils, benchmark: Benchmark
) -> Floats:
    """Return `margins` of features that are at hand.

    Args:
        images: features of the benchmark's pictures, in its order, of length 1.
        captions: features of the true captions, in the order of the foils, of length 1.
        false: features of the foils.
        foils: of the benchmark.
        benchmark: that the foils were made of.

    Raises:
        EvaluationError: their numbers differ, or they cannot be compared.
    """
    if len(images) != len(benchmark) or len(captions) != len(foils) or len(false) != len(foils):
        raise EvaluationError(
            f"features of {len(images)} images, {len(captions)} captions and {len(false)} foils, for "
            f"{len(benchmark)} images and {len(foils)} foils",
            where=foils.benchmark,
            way_out="embed the pictures of this benchmark and its foils, in their order",
        )
    for texts in (captions, false):
        check_features(images, texts)
    seen = images.double()[[foil.place for foil in foils.items]]
    # the products of a row are summed in one order, so that equal texts give a margin of exactly 0
    difference = (seen * captions.double()).sum(dim=1) - (seen * false.double()).sum(dim=1)
    return difference.cpu().numpy()
