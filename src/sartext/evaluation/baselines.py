"""The variants that are no models: baselines, which see no image or learned nothing, and ceilings."""

from sartext.evaluation.details import Variant
from sartext.registry import Registry

CHANCE = "chance"
CONSTANT = "constant"
CONSTANT_PER_CORPUS = "constant-per-corpus"
GRAMMAR = "grammar"
MOST_FREQUENT = "most-frequent"
NEAREST_TRAIN = "nearest-train"
PERFECT = "perfect"
TEXT_PRIOR = "text-prior"

RETRIEVER = "sar-rs-clip"
"""The model that finds the nearest training caption."""

BASELINES = Registry(
    "baseline",
    (
        Variant(GRAMMAR, "the facts themselves, in a sixth wording", "ceiling", "rule"),
        Variant(MOST_FREQUENT, "the most frequent training caption, of every image", "baseline", "rule"),
        Variant(NEAREST_TRAIN, f"the training caption that {RETRIEVER} finds nearest", "baseline", "rule"),
        Variant(CONSTANT, "the most frequent caption or answer, whatever the image", "baseline", "rule"),
        Variant(
            CONSTANT_PER_CORPUS,
            "the most frequent training answer of each type and corpus",
            "baseline",
            "rule",
        ),
        Variant(PERFECT, "knows the facts of every image, and no more", "ceiling", "rule"),
        Variant(CHANCE, "an order drawn at random", "baseline", "rule"),
        Variant(TEXT_PRIOR, "the likelier text by the words of the training captions", "baseline", "rule"),
    ),
)
"""No model may be called as one of them: it would be mistaken for it."""
