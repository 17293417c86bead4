"""The gate on what models wrote: in train only, signed and scored, and as true as was stated."""

from typing import Any

import pytest
import yaml

from sartext.files import write_json
from sartext.narrator.facts import Facts, ObjectFact, to_json
from tests.release.built import Built, facts_of
from tests.release.judged import failed, outcome, result

MODEL = "cd" * 32
BY_NARRATOR = {"method": "narrator", "model_sha256": MODEL, "score": 0.9, "source_caption": "ships ."}


def truth(accepted: tuple[int, int], rejected: tuple[int, int] = (3, 9)) -> dict[str, Any]:
    """What the narrator writes of each type of statement: true ones, of how many."""
    figures = {"accepted": accepted, "rejected": rejected}
    return {name: {"true": true, "statements": of, "precision": None} for name, (true, of) in figures.items()}


def narrate(built: Built, share: float | None = 0.5, **types: Any) -> None:
    """List corpus beta as narrated, with a hidden truth or none."""
    built.parameters(narrated=["beta"])
    hidden = {"hidden_truth": {name.replace("_", " "): counts for name, counts in types.items()}} if types else {}
    write_json(built.root / "build/narrated/beta/metrics.json", {"share_accepted": share, **hidden})


def row(built: Built, name: str) -> dict[str, Any]:
    return next(row for row in result(built, "narration")["expectations"] if row["name"] == name)


def test_precision_of_accepted_and_of_rejected_statements_are_figures(built: Built) -> None:
    kinds = {"object_class": truth((50, 50)), "object_count": truth((40, 50)), "cover_share": truth((95, 100))}
    narrate(built, **kinds)
    rows = result(built, "narration")["expectations"]
    assert [(row["name"], row["figure"], row["passed"]) for row in rows] == [
        ("no precision far below what is stated", 0.0, True),
        ("precision of accepted statements on objects", 0.9, True),
        ("precision of accepted statements on land cover", 0.95, True),
        ("precision of rejected statements on objects", 0.333333, True),
        ("precision of rejected statements on land cover", 0.333333, True),
        ("share of accepted images", 0.5, True),
    ]


def test_a_precision_below_what_is_stated_warns(built: Built) -> None:
    narrate(built, object_class=truth((70, 100)), cover_class=truth((9, 10)))
    assert {name: (row["severity"], row["figure"]) for name, row in failed(built, "narration").items()} == {
        "precision of accepted statements on objects": ("warning", 0.7)
    }
    assert result(built, "narration")["passed"]
    assert "beta: 0.7" in row(built, "precision of accepted statements on objects")["detail"]


@pytest.mark.parametrize(
    ("objects", "cover", "passed", "figure"),
    [((50, 100), None, False, 0.3), ((18, 30), (21, 30), True, 0.2), ((5, 10), None, True, None)],
    ids=["far below blocks", "exactly as far as is tolerated does not", "few statements block nothing"],
)
def test_a_precision_far_below_what_is_stated_blocks(
    built: Built, objects: tuple[int, int], cover: tuple[int, int] | None, passed: bool, figure: float | None
) -> None:
    narrate(built, object_class=truth(objects), **({"cover_class": truth(cover)} if cover else {}))
    shortfall = row(built, "no precision far below what is stated")
    assert (shortfall["passed"], shortfall["severity"], shortfall["figure"]) == (passed, "critical", figure)
    assert ("fewer than 30" in shortfall["detail"]) is (figure is None)
    assert result(built, "narration")["passed"] is passed


def test_a_corpus_whose_truth_nobody_knows_is_not_judged_by_it(built: Built) -> None:
    narrate(built)
    assert row(built, "precision of accepted statements on objects")["detail"].startswith("not judged")
    assert row(built, "share of accepted images")["figure"] == 0.5


@pytest.mark.parametrize(("share", "passed"), [(0.0, False), (0.3, True), (None, True)])
def test_a_narration_that_accepts_nothing_warns(built: Built, share: float | None, passed: bool) -> None:
    narrate(built, share)
    accepted = row(built, "share of accepted images")
    assert (accepted["passed"], accepted["severity"]) == (passed, "warning")


def test_damaged_figures_of_the_narrator_block(built: Built) -> None:
    narrate(built, object_class={"accepted": {}})
    suite = result(built, "narration")
    assert not suite["passed"]
    assert "crashed" in {row["status"] for row in suite["expectations"]}


@pytest.mark.parametrize("absent", ["model_sha256", "score"])
@pytest.mark.parametrize("method", ["narrator", "optical-model"])
def test_a_model_caption_without_hash_or_score_is_found(built: Built, method: str, absent: str) -> None:
    built.set_pair(0, **{**BY_NARRATOR, "method": method})
    assert failed(built, "provenance") == {}
    built.set_pair(0, **{absent: None})
    judged = outcome(built, "provenance", "model and score of model captions")
    assert (judged["passed"], judged["severity"], judged["figure"]) == (False, "critical", 1)


def test_a_model_caption_in_validation_is_found(built: Built) -> None:
    built.set_pair(3, **BY_NARRATOR)
    assert set(failed(built, "provenance")) == {"model captions only in train"}


def test_narrated_captions_are_read_against_their_facts(built: Built) -> None:
    narrate(built)
    built.set_pair(0, **BY_NARRATOR)
    assert failed(built, "faithfulness") == {}
    built.set_pair(0, facts=to_json(facts_of(4)))
    assert set(failed(built, "faithfulness")) == {"captions agree with their facts"}


def test_a_caption_of_an_optical_half_must_quote_what_the_model_said(built: Built) -> None:
    facts = Facts(statements=("There is a lake.",), source_caption="a green lake .")
    quoted = {**BY_NARRATOR, "method": "optical-model", "source_caption": "a green lake ."}
    built.set_pair(0, **quoted, facts=to_json(facts), caption="There is a lake.")
    assert failed(built, "faithfulness") == {}
    built.set_pair(0, caption="There is a river.")
    assert "says 'river'" in failed(built, "faithfulness")["captions agree with their facts"]["detail"]


def test_one_sentence_of_a_model_warns_where_that_of_rules_blocks(built: Built) -> None:
    """The nouns of an unlabelled corpus are those of the facts: another noun makes no other pattern."""
    built.add_corpus("gamma", 120, seed=3)
    path = built.root / "catalogue/gamma.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "classes": []}))
    captions = []
    for noun in ("ship", "bridge"):
        facts = Facts(objects=(ObjectFact(noun, noun, f"{noun}s", 2, 2, 0),))
        captions.append({"facts": to_json(facts), "caption": f"There are two {noun}s in this SAR image."})

    def narrated(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        said = [
            {**row, **BY_NARRATOR, **captions[number % 2], "split": "train"} for number, row in enumerate(rows)
        ]
        return [new if old["corpus"] == "gamma" else old for old, new in zip(rows, said, strict=True)]

    built.set_pairs(narrated)
    share = "share of one sentence pattern"
    assert outcome(built, "captions", share)["figure"] is None
    judged = outcome(built, "captions", f"{share}, model captions")
    assert (judged["passed"], judged["severity"], judged["figure"]) == (False, "warning", 1.0)
