"""The gate on captions that a language model worded: signed, quoting their source, and not one for all."""

import pytest

from sartext.files import sha256_text
from sartext.narrator.facts import Facts
from sartext.narrator.plain_english import sentences
from tests.release.built import Built, Row, failed, outcome, result

SIGNED = {"method": "optical-llm", "model": "toy-model", "prompt_sha256": sha256_text("prompt"), "split": "train"}
ONE_ANSWER = "share of one answer for many different facts"
OTHERS = ("lake", "village", "factory", "harbor", "forest", "town")


def reworded(caption: str, source: str) -> Row:
    facts = Facts(statements=tuple(sentences(caption)), source_caption=source)
    return {**SIGNED, "caption": caption, "facts": facts.json, "source_caption": source}


def plant(built: Built, captions: dict[str, str]) -> None:
    """Let the first rows be what a language model wrote; the values are the optical captions."""
    rows = [reworded(caption.partition("|")[0], source) for caption, source in captions.items()]
    built.set_pairs(
        lambda before: [{**row, **new} for row, new in zip(before, rows, strict=False)] + before[len(rows) :]
    )


def test_where_no_language_model_wrote_nothing_is_judged(built: Built) -> None:
    assert outcome(built, "rewording", ONE_ANSWER)["detail"].startswith("not judged")


def test_answers_to_what_was_asked_pass(built: Built) -> None:
    plant(built, {f"A river is near a {other}.": f"a green river is near a {other}" for other in OTHERS})
    assert failed(built, "rewording") == {}
    assert outcome(built, "faithfulness", "rewritten captions quote their source")["passed"]
    assert outcome(built, "provenance", "language model and prompt")["passed"]


def test_one_answer_for_many_facts_blocks(built: Built) -> None:
    plant(built, {f"There is a river.|{other}": f"a river is near a {other}" for other in OTHERS})
    row = outcome(built, "rewording", ONE_ANSWER)
    assert (row["figure"], row["passed"], row["severity"]) == (1.0, False, "critical")
    assert not result(built, "rewording")["passed"]


@pytest.mark.parametrize(
    ("caption", "problem"),
    [
        ("There is a river and a bridge.", "bridge"),
        ("Two rivers are near a lake.", "rivers"),
        ("A green river is near a lake.", "colour"),
        ("A river is near a lake with cars.", "cars"),
        ("There is no river near a lake.", "denies"),
    ],
)
def test_what_the_source_does_not_say_or_sar_does_not_show_blocks(
    built: Built, caption: str, problem: str
) -> None:
    plant(built, {caption: "a green river is near a lake with many cars"})
    row = outcome(built, "faithfulness", "rewritten captions quote their source")
    assert (row["figure"], row["passed"]) == (1, False)
    assert problem in row["detail"]


@pytest.mark.parametrize("missing", [{"model": None}, {"prompt_sha256": None}, {"method": "optical-rules"}])
def test_a_caption_without_its_model_or_prompt_blocks(built: Built, missing: Row) -> None:
    plant(built, {"A river is near a lake.": "a river is near a lake"})
    built.set_pair(0, **missing)
    assert not outcome(built, "provenance", "language model and prompt")["passed"]


def test_a_language_model_writes_for_the_train_split_alone(built: Built) -> None:
    plant(built, {"A river is near a lake.": "a river is near a lake"})
    built.set_pair(0, split="test")
    assert not outcome(built, "provenance", "model captions only in train")["passed"]
