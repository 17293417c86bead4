"""Names of the registry of metrics that the report still uses."""

from sartext.evaluation.figures import OVER
from sartext.evaluation.registry import in_order, metric_of, names_in, number, shown
from sartext.narrator.statements import KINDS

CUTS = names_in("retrieval", "cuts")
SCORES = names_in("captioning", "scores")
FACTS = names_in("captioning", "facts")
STATEMENTS = tuple(kind.replace(" ", "_") for kind in KINDS)
measure = metric_of

__all__ = ["CUTS", "FACTS", "OVER", "SCORES", "STATEMENTS", "in_order", "measure", "number", "shown"]
