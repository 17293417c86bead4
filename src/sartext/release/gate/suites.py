"""The names of the suites, in the order in which they are shown."""

SUITES: tuple[str, ...] = ("schema", "ledger", "captions", "faithfulness", "images", "splits", "provenance")
