"""The names of the suites, in the order in which they are shown."""

SUITES: tuple[str, ...] = (
    "schema",
    "ledger",
    "captions",
    "faithfulness",
    "narration",
    "images",
    "splits",
    "provenance",
)
