"""Suite ``faithfulness``: a caption says what its facts say, neither more nor less.

The facts of a rewritten optical caption are its own sentences: that it agrees with them and with the caption that
it quotes proves the quotation, and not that it is true of the SAR image, which the suite ``optical`` judges.
"""

from sartext.narrator.faithfulness import contradictions
from sartext.narrator.methods import METHODS
from sartext.progress import track
from sartext.release.gate.suite import Frame, Inputs, Measure, Suite, of_column, without


def _contradictions(*, quotes: bool) -> Measure:
    """What is wrong with the captions that quote another, or with the rest; nothing of the others."""

    def measure(inputs: Inputs) -> list[str]:
        complaints = []
        for row in track(inputs.pairs, "faithfulness", len(inputs.pairs)):
            method, entry = row["method"], inputs.catalogue.get(row["corpus"])
            judged = (method in METHODS and METHODS[method].quotes) is quotes
            problems = contradictions(row["caption"], row["facts"], method, entry) if judged else []
            complaints.append("; ".join(problems))
        return complaints

    return measure


SUITE = Suite(
    "faithfulness",
    "A caption says what its facts say, neither more nor less",
    frames=(
        Frame(
            "candidate",
            "pairs",
            of_column("image_id"),
            {
                "contradictions": _contradictions(quotes=False),
                "misquotations": _contradictions(quotes=True),
            },
        ),
    ),
    checks=(
        without("captions agree with their facts", "candidate", "contradictions", "captions"),
        without("rewritten captions quote their source", "candidate", "misquotations", "captions"),
    ),
)
