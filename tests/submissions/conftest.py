"""The small release of `tests.evaluation`, and the command that scores on it."""

from tests.evaluation.conftest import captions, evaluate, models, questions, sartext, small

__all__ = ["captions", "evaluate", "models", "questions", "sartext", "small"]
