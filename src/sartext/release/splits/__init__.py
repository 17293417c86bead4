"""Duplicates, groups and the split of every image, decided once before anything is trained."""

from sartext.release.splits.decision import decide_splits

__all__ = ["decide_splits"]
