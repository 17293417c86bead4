"""Suite ``faithfulness``: a caption says what its facts say, neither more nor less.

The facts of a rewritten optical caption are its own sentences: that it agrees with them and with the caption that
it quotes proves the quotation, and not that it is true of the SAR image, which the suite ``optical`` judges.
"""

from sartext.narrator.faithfulness import contradictions, detailed_contradictions
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


def _in_detail(inputs: Inputs) -> list[str]:
    """What is wrong with the detailed captions: as with captions, and sizes and percentages."""
    complaints = []
    for row in track(inputs.pairs, "detailed captions", len(inputs.pairs)):
        texts, entry = (row["caption_detailed"], row["caption"]), inputs.catalogue.get(row["corpus"])
        complaints.append("; ".join(detailed_contradictions(*texts, row["facts"], row["method"], entry)))
    return complaints


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
                "in_detail": _in_detail,
            },
        ),
    ),
    checks=(
        without("captions agree with their facts", "candidate", "contradictions", "captions"),
        without("detailed captions agree with their facts", "candidate", "in_detail", "captions"),
        without("rewritten captions quote their source", "candidate", "misquotations", "captions"),
    ),
)
