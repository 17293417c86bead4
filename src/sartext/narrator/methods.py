"""The registry of caption methods: gate, card, shards, questions and parameters take their names from here."""

from sartext.narrator.annotated import A2C, SA2C, SCENE_LABEL
from sartext.narrator.facts import CaptionMethod
from sartext.narrator.rewriting import OPTICAL_MODEL, OPTICAL_RULES
from sartext.registry import Registry

NARRATOR = CaptionMethod(
    "narrator",
    "2.0",
    "proposed by a captioning model trained on the other captions, proven by a grounding model taught boxes and "
    "masks; only statements that reach a threshold of stated precision, set on validation images",
    by_model=True,
    score="the probability that its least sure statement is true",
)

GROUNDER = CaptionMethod(
    "grounder",
    "1.0",
    "by the grounding model alone, as the captioning model stated nothing of it; thresholds as of `narrator`",
    by_model=True,
    score="the probability that its least sure statement is true",
)
"""Both are written by the stage `narrated`, of the package above."""

OPTICAL_LLM = CaptionMethod(
    "optical-llm",
    "1.0",
    "a person's caption of the optical image of the same place, put into other words by a language model and cut "
    "to what SAR shows; every word is checked against that caption",
    by_model=True,
    quotes=True,
    reworded=True,
)
"""Written by the stage `rewritten`, of the package `sartext.llm`."""

METHODS: Registry[CaptionMethod] = Registry(
    "caption method",
    (
        A2C,
        SA2C,
        SCENE_LABEL,
        OPTICAL_RULES,
        OPTICAL_MODEL,
        OPTICAL_LLM,
        NARRATOR,
        GROUNDER,
    ),
)
"""The order decides which method captions a corpus whose kind several take: the first."""


ANNOTATED = frozenset(method.name for method in METHODS if method.annotated)
"""Names of the methods whose facts come from annotations, and so prove what they state."""

BY_MODEL = frozenset(method.name for method in METHODS if method.by_model)
"""Names of the methods whose captions a model writes: they enter the train split only."""

SCORED = frozenset(method.name for method in METHODS if method.score)
"""Names of the methods whose captions have a score."""
