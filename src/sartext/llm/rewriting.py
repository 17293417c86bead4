"""Optical captions to SAR captions by a language model: asked, checked, asked once more, or left to the rules."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sartext.llm.asking import NO_ANSWER, OVER_BUDGET, REJECTED, Asker, in_parallel
from sartext.llm.checks import Problem
from sartext.llm.journal import Answer
from sartext.llm.prompt import Prompt, speaks_to_a_model
from sartext.narrator.rewording import repeated, things

SPEAKS, NOTHING = "the optical caption speaks to a model", "the optical caption names nothing that SAR shows"
REFUSED, REPEATED = "both answers are refused", "one answer for many different facts"
"""Why a caption is left to the rules, beside those of `asking`."""

REASONS = (SPEAKS, NOTHING, REFUSED, REPEATED, NO_ANSWER, REJECTED, OVER_BUDGET)

Judge = Callable[[Answer, str], list[Problem]]
"""From an answer and the optical caption to what is wrong."""


@dataclass(frozen=True)
class Rewording:
    """What came of an optical caption.

    Args:
        text: the SAR caption; empty where it is left to the rules.
        reason: why it is, empty where it is not.
        asked: how many answers it took.
        first: the first answer.
        problems: kinds of what was wrong with the answers.
    """

    text: str = ""
    reason: str = ""
    asked: int = 0
    first: str = ""
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rewriter:
    """Rewrites optical captions.

    Args:
        prompt: what is asked.
        asker: who answers.
        judge: what is wrong with an answer.
        concurrency: captions that are asked for at once.
    """

    prompt: Prompt
    asker: Asker
    judge: Judge
    concurrency: int

    def rewrite(self, sources: Iterable[str], description: str) -> dict[str, Rewording]:
        """Return what came of each optical caption; equal ones are asked for once.

        Raises:
            EndpointError: the endpoint cannot be used; the answers up to then are kept.
        """
        unique = list(dict.fromkeys(sources))
        rewordings = dict(zip(unique, self._all(self._reword, unique, description), strict=True))
        for source in self._repeating(rewordings):
            if rewordings[source].asked > 1:
                rewordings[source] = _left(rewordings[source], REPEATED)
        again = self._repeating(rewordings)
        told = f"{description}, answers that repeat"
        varied = self._all(lambda source: self._vary(source, rewordings[source]), again, told)
        rewordings |= zip(again, varied, strict=True)
        for source in self._repeating(rewordings):
            rewordings[source] = _left(rewordings[source], REPEATED)
        self.asker.keep_failures()
        return rewordings

    def _all(
        self, reword: Callable[[str], Rewording], sources: Sequence[str], description: str
    ) -> list[Rewording]:
        return in_parallel(self.asker, reword, sources, description, self.concurrency)

    def _reword(self, source: str) -> Rewording:
        if speaks_to_a_model(source):
            return Rewording(reason=SPEAKS)
        if not things(source, self.prompt.resolution):
            return Rewording(reason=NOTHING)
        answer = self.asker.ask(self.prompt.messages(source))
        if isinstance(answer, str):
            return Rewording(reason=answer)
        text = answer.text.strip()
        problems = self.judge(answer, source)
        if problems:
            return self._once_more(source, text, problems)
        return Rewording(text, asked=1, first=text)

    def _vary(self, source: str, rewording: Rewording) -> Rewording:
        """Ask once more for a caption whose answer stands for many others too."""
        return self._once_more(source, rewording.first, [Problem(REPEATED)])

    def _once_more(self, source: str, first: str, problems: Sequence[Problem]) -> Rewording:
        kinds = tuple(problem.kind for problem in problems)
        answer = self.asker.ask(self.prompt.again(source, first, problems))
        if isinstance(answer, str):
            return Rewording(reason=answer, asked=1, first=first, problems=kinds)
        wrong = tuple(problem.kind for problem in self.judge(answer, source))
        text = "" if wrong else answer.text.strip()
        return Rewording(text, REFUSED if wrong else "", 2, first, (*kinds, *wrong))

    def _repeating(self, rewordings: dict[str, Rewording]) -> list[str]:
        """The optical captions whose answer stands for too many different facts."""
        named = {source: things(source, self.prompt.resolution) for source, of in rewordings.items() if of.text}
        texts = repeated(((rewordings[source].text, facts) for source, facts in named.items()))
        return [source for source in named if rewordings[source].text.casefold() in texts]


def _left(rewording: Rewording, reason: str) -> Rewording:
    problems = (*rewording.problems, reason)
    return Rewording("", reason, rewording.asked, rewording.first, problems)


def count_problems(rewordings: Iterable[Rewording]) -> dict[str, int]:
    """Return how many answers had each kind of problem, the same kind of one caption once."""
    counts = Counter(kind for rewording in rewordings for kind in set(rewording.problems))
    return dict(sorted(counts.items()))
