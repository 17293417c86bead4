"""The tokenisation that the field scores captions in: Penn Treebank tokens, lower case, without punctuation.

Equal to ``PTBTokenizer`` of pycocoevalcap (Stanford CoreNLP 3.4.1): scores without it are other scores.
"""

import re
from collections.abc import Iterable

from sartext.errors import EvaluationError
from sartext.evaluation.metrics.java import jar, run_java

JAR = "tokenizer/stanford-corenlp-3.4.1.jar"
PROGRAM = "edu.stanford.nlp.process.PTBTokenizer"

PUNCTUATION = frozenset(
    ["''", "'", "``", "`", "-LRB-", "-RRB-", "-LCB-", "-RCB-", ".", "?", "!", ",", ":", "-", "--", "...", ";"]
)
"""Tokens that are left out. Brackets stay, as in pycocoevalcap: in lower case they are ``-lrb-`` and so on."""

LINE_BREAKS = re.compile("[\n\r\x0b\x0c\u2028\u2029]")
"""What the tokeniser ends a line at."""


def tokenise(captions: Iterable[str]) -> dict[str, str]:
    """Return the tokens of each distinct caption, joined by spaces, from one Java process.

    A caption's tokens depend on nothing but itself; a line break in it is a space. One that holds no word has no
    token.

    Raises:
        EvaluationError: Java or the jar is absent, or a caption is no Unicode text.
    """
    distinct = list(dict.fromkeys(captions))
    for caption in distinct:
        if not _is_text(caption):
            raise EvaluationError("a caption holds half a surrogate pair", where=ascii(caption))
    if not distinct:
        return {}
    # an empty line after each caption: the tokeniser looks across one line break for the end of a sentence
    lines = [line for caption in distinct for line in (LINE_BREAKS.sub(" ", caption), "")]
    answers = run_java("PTB tokens", ["-cp", str(jar(JAR)), PROGRAM, "-preserveLines", "-lowerCase"], lines)
    if len(answers) != len(lines) or any(answers[1::2]):
        raise EvaluationError(
            f"the tokeniser answered {len(lines)} lines with {len(answers)}",
            where=JAR,
            way_out="leave out control characters",
        )
    return dict(zip(distinct, map(_words, answers[::2]), strict=True))


def _is_text(caption: str) -> bool:
    try:
        caption.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _words(line: str) -> str:
    return " ".join(word for word in line.rstrip().split(" ") if word not in PUNCTUATION)
