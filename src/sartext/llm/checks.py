"""Whether an answer may stand as a caption: by the gate's rules, before the gate sees it."""

from sartext.llm.journal import Answer
from sartext.narrator.plain_english import sentences, unfinished, untidy, words
from sartext.narrator.rewording import Problem, rewording_problems, things

__all__ = ["Problem", "answer_problems"]

EMPTY, CUT_OFF, UNTIDY = "no answer text", "cut off at the token limit", "not plain English text"
UNFINISHED, LENGTH, LEAVES_OUT = "not finished sentences", "too short or too long", "leaves out too much"
SENTENCES = 4
"""Sentences of a caption at most."""


def answer_problems(
    answer: Answer, source: str, resolution: float, *, length: tuple[int, int], least_kept: float
) -> list[Problem]:
    """Return what is wrong with an answer, the first kinds making the rest pointless.

    Args:
        answer: of the model.
        source: the optical caption that it was to rewrite.
        resolution: of the SAR images in metres.
        length: words of a caption, at least and at most.
        least_kept: share of the things that the source names and SAR shows which must be named.
    """
    caption = answer.text.strip()
    if not caption:
        return [Problem(EMPTY)]
    if answer.finish == "length":
        return [Problem(CUT_OFF)]
    if odd := untidy(caption):
        return [Problem(UNTIDY, odd)]
    problems = [Problem(UNFINISHED, fault)] if (fault := unfinished(caption) or _other_ends(caption)) else []
    if not length[0] <= len(words(caption)) <= length[1] or len(sentences(caption)) > SENTENCES:
        problems.append(Problem(LENGTH, f"{len(words(caption))} words, {len(sentences(caption))} sentences"))
    problems += rewording_problems(caption, source, resolution)
    wanted = things(source, resolution)
    left_out = wanted - things(caption, resolution)
    if len(left_out) > (1 - least_kept) * len(wanted):
        problems.append(Problem(LEAVES_OUT, ", ".join(sorted(left_out))))
    return problems


def _other_ends(caption: str) -> str:
    """A caption states: it neither asks nor exclaims, and its full stops end sentences."""
    odd = sorted(set(caption) & set("?!:;'/"))
    return f"holds '{odd[0]}'" if odd else ""
