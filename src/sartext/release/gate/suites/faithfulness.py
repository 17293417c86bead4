"""Suite ``faithfulness``: a caption says what its facts say, neither more nor less."""

from sartext.progress import track
from sartext.release.gate.suite import Frame, Inputs, Suite, of_column, without


def _contradictions(inputs: Inputs) -> list[str]:
    from sartext.narrator.faithfulness import contradictions

    complaints = []
    for row in track(inputs.pairs, "faithfulness", len(inputs.pairs)):
        entry = inputs.catalogue.get(row["corpus"])
        complaints.append("; ".join(contradictions(row["caption"], row["facts"], row["method"], entry)))
    return complaints


SUITE = Suite(
    "faithfulness",
    "A caption says what its facts say, neither more nor less",
    frames=(Frame("candidate", "pairs", of_column("image_id"), {"contradictions": _contradictions}),),
    checks=(without("captions agree with their facts", "candidate", "contradictions", "captions"),),
)
