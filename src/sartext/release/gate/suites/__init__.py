"""The suites of the gate, one file each; listed here, in the order in which they are shown."""

from sartext.registry import Registry
from sartext.release.gate.suites import (
    audit,
    captions,
    diversity,
    faithfulness,
    images,
    ledger,
    narration,
    optical,
    provenance,
    rewording,
    schema,
    splits,
)

SUITES = Registry(
    "gate suite",
    (
        schema.SUITE,
        ledger.SUITE,
        captions.SUITE,
        diversity.SUITE,
        faithfulness.SUITE,
        narration.SUITE,
        optical.SUITE,
        rewording.SUITE,
        images.SUITE,
        splits.SUITE,
        provenance.SUITE,
        audit.SUITE,
    ),
)
