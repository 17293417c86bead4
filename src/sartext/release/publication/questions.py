"""The section of the dataset card on SAR-VQA."""

from collections.abc import Mapping, Sequence
from typing import Any

from sartext.release.material import SPLITS
from sartext.release.publication.markdown import table
from sartext.vqa.question import TYPES

ASKED = {
    "presence": "whether a class is there: yes or no",
    "count": "how many objects of a class there are: a number word, zero to ten",
    "position": "whether objects lie in the center, outside it or both; which quadrant or the middle holds most "
    "of a land cover",
    "comparison": "of which of two classes there is more; whether more objects of a class lie in or outside the "
    "center",
    "dominant": "which land cover has the largest share",
    "scene": "which of two classes the image shows",
}

_MADE = """`vqa/<split>.jsonl` holds a JSON object per question, in LLaVA's form: `id`, `image` (as in `csv/`,
null where the image is withheld), `conversations` (the question behind `<image>`, and the answer), and
`image_id`, `corpus`, `split`, `group_id`, `type`, `form`, `subjects`, `answer` and `facts`.

Questions are made from the facts of a caption, never from its text, and only of captions made from
annotations: what a model or an optical caption says is no proof. `facts` is the part of the record that
proves the answer; `facts.exhaustive` are the classes whose absence is claimed. Absence is claimed only of a
class that its corpus annotates exhaustively: of objects where boxes were drawn, in a mask only where the
named land cover adds up to the whole image. Two shares are compared only if they differ by five percent of
the image. Of an image whose annotation could not be taken in as a whole, only what stays true whatever else
is there is asked.

Within a corpus, split, form and class the answers are balanced: a closed question is asked equally often for
each answer, an open one at most as often as for the median answer. So a question tells little of its answer
without the image. `sartext release verify` proves every answer again, by rules of its own. Score by exact
match, per type.
"""

_LICENCE = """Questions and answers are derived from the annotations of their corpus; its licence and citation
hold for them as for its captions.
"""


def questions_section(counts: Mapping[str, Any] | None) -> Sequence[str]:
    """Return heading and text of the section; nothing where the release has no questions.

    Args:
        counts: ``vqa`` of ``statistics.json``.
    """
    if counts is None:
        return ()
    splits = [split for split in SPLITS if split in counts["splits"]]
    by_type = [
        [f"`{one}`", ASKED[one], *(f"{counts['splits'][split].get(one, 0):,}" for split in splits)]
        for one in TYPES
    ]
    total = [f"{sum(counts['splits'][split].values()):,}" for split in splits]
    by_corpus = [
        [f"`{name}`", *(f"{types.get(one, 0):,}" for one in TYPES), f"{sum(types.values()):,}"]
        for name, types in counts["corpora"].items()
    ]
    return (
        "## SAR-VQA\n",
        f"{counts['questions']:,} questions about {counts['images']:,} of the images.\n\n{_MADE}",
        table(["Type", "Asked", *splits], [*by_type, ["**all**", "", *total]]),
        table(["Corpus", *TYPES, "all"], by_corpus),
        _LICENCE,
    )
