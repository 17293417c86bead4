"""Suite ``faithfulness``: a caption says what its facts say, neither more nor less."""

from sartext.progress import track
from sartext.release.gate.checks import Frame, Suite, without
from sartext.release.gate.inputs import Inputs


def _contradictions(inputs: Inputs) -> list[str]:
    from sartext.narrator.faithfulness import contradictions

    found = []
    for row in track(inputs.pairs, "faithfulness", len(inputs.pairs)):
        entry = inputs.catalogue.get(row["corpus"])
        found.append("; ".join(contradictions(row["caption"], row["facts"], row["method"], entry)))
    return found


SUITE = Suite(
    "faithfulness",
    frames=(
        Frame(
            "candidate",
            "pairs",
            lambda inputs: inputs.column("image_id"),
            {"contradictions": _contradictions},
        ),
    ),
    checks=(without("captions agree with their facts", "candidate", "contradictions", "captions"),),
)
