"""The request that asks for a caption: prompt, in-context examples, and the optical caption as data.

A caption is a string inside a JSON object, in a message of its own: nothing in it can end it. One that speaks to a
model all the same is not sent.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sartext.config import Project, RewritingParameters, parse_yaml
from sartext.errors import ParameterError
from sartext.files import sha256_text
from sartext.llm.checks import Problem
from sartext.narrator.rewording import LINKS, things

Messages = list[dict[str, str]]

LONGEST = 1000
"""Characters of an optical caption; a longer one is none."""

SHOWN = 500
"""Characters of a refused answer that the second request repeats."""

_SPEAKS = re.compile(
    r"\b(?:ignore|disregard|forget|override|pretend)\b"
    r"|\b(?:instructions?|prompts?|assistant|chatbot|language model|as an ai|system message)\b"
    r"|\b(?:you (?:are|must|should|will|shall)|your (?:task|answer|reply|output|role))\b"
    r"|\b(?:answer|reply|respond|output|write|repeat|translate|print|say|return)s?"
    r" (?:with|only|that|the|in|this|exactly)\b"
    r"|[<>{}\[\]|`]|\b(?:https?|www)\b|(?:^|\s)(?:user|system)\s*:",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Example:
    """An optical caption and the SAR caption that is wanted for it."""

    caption: str
    rewritten: str


@dataclass(frozen=True)
class Prompt:
    """What is asked, beside the caption itself.

    Args:
        text: the prompt.
        examples: in-context examples, in the order of their file.
        least: how many are shown at least.
        most: how many are shown at most, with those that share a word with the caption.
        resolution: of the SAR images in metres; it decides what may be named.
        sha256: of prompt and examples.
    """

    text: str
    examples: tuple[Example, ...]
    least: int
    most: int
    resolution: float
    sha256: str

    def messages(self, caption: str) -> Messages:
        """Return the request for a caption."""
        shown = [
            message
            for example in self.chosen(caption)
            for message in (
                {"role": "user", "content": self._data(example.caption)},
                {"role": "assistant", "content": example.rewritten},
            )
        ]
        system = {"role": "system", "content": self.text}
        return [system, *shown, {"role": "user", "content": self._data(caption)}]

    def again(self, caption: str, answer: str, problems: Sequence[Problem]) -> Messages:
        """Return the request that asks once more, with what was wrong."""
        wrong = "; ".join(dict.fromkeys(map(str, problems)))
        reason = f"This caption is refused: {wrong}. Answer with a corrected caption alone."
        return [
            *self.messages(caption),
            {"role": "assistant", "content": answer[:SHOWN] or "(nothing)"},
            {"role": "user", "content": reason},
        ]

    def chosen(self, caption: str) -> list[Example]:
        """Return the examples for a caption: those that share most words with it, and at least so many."""
        wanted = _content(caption)
        shared = [len(wanted & _content(example.caption)) for example in self.examples]
        order = sorted(range(len(shared)), key=lambda place: (-shared[place], place))
        count = min(self.most, max(self.least, sum(map(bool, shared))))
        return [self.examples[place] for place in sorted(order[:count])]

    def _data(self, caption: str) -> str:
        return json.dumps({"caption": caption, "things": sorted(things(caption, self.resolution))})


def speaks_to_a_model(caption: str) -> bool:
    """Whether a caption holds what reads like an instruction or markup, or is too long for a caption."""
    return len(caption) > LONGEST or not caption.isprintable() or _SPEAKS.search(caption) is not None


def read_prompt(project: Project, parameters: RewritingParameters, resolution: float) -> Prompt:
    """Read prompt and examples from their files.

    Raises:
        ParameterError: one is missing or not what it should be.
    """
    text = _read(project, parameters.prompt, "prompt")
    listed = _read(project, parameters.examples, "examples")
    try:
        rows: Any = parse_yaml(listed) or []
        examples = tuple(Example(str(row["caption"]), str(row["rewritten"])) for row in rows)
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise ParameterError(
            "not a list of `caption` and `rewritten`", where=parameters.examples, way_out="correct the file"
        ) from error
    if len(examples) < parameters.least_examples:
        raise ParameterError(
            f"{len(examples)} examples, but at least {parameters.least_examples} are to be shown",
            where=parameters.examples,
            way_out="add some, or lower `rewriting.least_examples`",
        )
    digest = sha256_text(json.dumps([text, listed]))
    least, most = parameters.least_examples, parameters.most_examples
    return Prompt(text.strip(), examples, least, most, resolution, digest)


def _read(project: Project, name: str, what: str) -> str:
    path = project.root / Path(name)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(
            "the file is missing or no text", where=name, way_out=f"correct `rewriting.{what}` in params.yaml"
        ) from error
    if not text.strip():
        raise ParameterError("the file is empty", where=name, way_out="restore it")
    return text


def _content(caption: str) -> set[str]:
    return set(re.findall(r"[a-z]+", caption.casefold())) - LINKS
