"""The baseline that several tasks have: one answer, whatever the image."""

from sartext.evaluation.details import Variant

CONSTANT_VARIANT = Variant(
    "constant", "the most frequent caption or answer, whatever the image", "baseline", "rule"
)
