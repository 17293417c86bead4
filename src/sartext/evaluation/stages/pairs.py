"""Which models are compared with which: the differences that a reader asks for, paired by group."""

from collections.abc import Collection

PAIRS = (
    ("progressive", "direct"),
    ("progressive", "direct-total"),
    ("progressive", "mixed"),
    ("progressive", "shuffled"),
    ("progressive", "optical-only"),
    ("progressive", "foundation"),
    ("sar-rs-coca", "foundation"),
    ("sar-rs-coca", "progressive"),
    ("sar-rs-coca", "direct-total"),
    ("sar-rs-coca", "sar-rs-coca-annotated"),
    ("sar-rs-coca", "nearest-train"),
    ("sar-rs-coca", "most-frequent"),
    ("sar-rs-coca", "chance"),
    ("clip-progressive", "clip-optical-only"),
    ("sar-rs-clip", "clip-progressive"),
    ("sar-rs-clip", "sar-rs-clip-annotated"),
    ("sar-rs-clip", "foundation-clip"),
    ("sar-rs-clip", "chance"),
    ("sar-gpt", "constant"),
    ("sar-gpt", "constant-per-corpus"),
    ("sar-gpt", "sar-gpt-blind"),
    ("sar-gpt", "sar-gpt-one-stage"),
)
"""The first minus the second."""


def pairs_of(variants: Collection[str]) -> list[tuple[str, str]]:
    """Return the pairs of which both are there."""
    return [(one, other) for one, other in PAIRS if one in variants and other in variants]
