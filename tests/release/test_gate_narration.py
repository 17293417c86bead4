"""The gate on what models wrote: in train only, signed and scored, and as true as was stated."""

from typing import Any

import pytest
import yaml

from sartext.files import write_json
from sartext.narrator.facts import Facts, ObjectFact, to_json
from tests.release.built import Built, Row, facts_of, failed, outcome, result

MODEL = "cd" * 32
BY_NARRATOR = {"method": "narrator", "model_sha256": MODEL, "score": 0.9, "source_caption": "ships ."}


def truth(accepted: tuple[int, int], rejected: tuple[int, int] = (3, 9)) -> Row:
    """What the narrator writes of each type of statement: true ones, of how many."""
    figures = {"accepted": accepted, "rejected": rejected, "recall": (accepted[0], 2 * accepted[0])}
    return {name: {"true": true, "statements": of, "precision": None} for name, (true, of) in figures.items()}


def narrate(built: Built, share: float | None = 0.5, **types: Any) -> None:
    """List corpus beta as narrated, with a hidden truth or none."""
    built.parameters(narrated=["beta"])
    hidden = {"hidden_truth": {name.replace("_", " "): counts for name, counts in types.items()}} if types else {}
    write_json(built.root / "build/narrated/beta/metrics.json", {"share_accepted": share, **hidden})


def row(built: Built, name: str) -> Row:
    return outcome(built, "narration", name)


def test_precision_of_accepted_and_of_rejected_statements_are_figures(built: Built) -> None:
    kinds = {"object_class": truth((50, 50)), "object_count": truth((45, 50)), "cover_share": truth((95, 100))}
    narrate(built, **kinds)
    rows = result(built, "narration")["expectations"]
    assert [(row["name"], row["figure"], row["passed"]) for row in rows] == [
        ("no precision far below what is stated", 0.0, True),
        ("precision of accepted statements on objects", 0.95, True),
        ("precision of accepted statements on land cover", 0.95, True),
        ("precision of rejected statements on objects", 0.333333, True),
        ("precision of rejected statements on land cover", 0.333333, True),
        ("precision of all accepted statements", 0.95, True),
        ("precision of accepted counts", 0.9, True),
        ("precision of accepted places", None, True),
        ("share of the truth that accepted statements state", 0.5, True),
        ("share of accepted images", 0.5, True),
    ]


def test_a_precision_below_what_is_stated_warns(built: Built) -> None:
    narrate(built, object_class=truth((70, 100)), cover_class=truth((90, 100)))
    assert {name: (row["severity"], row["figure"]) for name, row in failed(built, "narration").items()} == {
        "precision of accepted statements on objects": ("warning", 0.7)
    }
    assert result(built, "narration")["passed"]
    assert "beta: 0.7" in row(built, "precision of accepted statements on objects")["detail"]


@pytest.mark.parametrize(
    ("types", "gate", "passed", "figure"),
    [
        ({"object_class": truth((50, 100))}, {}, False, 0.3),
        ({"object_class": truth((18, 30)), "cover_class": truth((21, 30))}, {}, True, 0.2),
        ({"object_class": truth((50, 100))}, {"precision_shortfall": 0.4}, True, 0.3),
        ({"object_class": truth((5, 10))}, {}, True, None),
    ],
    ids=[
        "far below blocks",
        "exactly as far as is tolerated",
        "more is tolerated",
        "few statements block nothing",
    ],
)
def test_a_precision_far_below_what_is_stated_blocks(
    built: Built, types: Row, gate: Row, passed: bool, figure: float | None
) -> None:
    narrate(built, **types)
    built.parameters(gate=gate)
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


def test_narrated_captions_are_read_against_their_facts(built: Built) -> None:
    narrate(built)
    built.set_pair(0, **BY_NARRATOR, caption_detailed=built.pairs()[0]["caption"])
    assert failed(built, "faithfulness") == {}
    built.set_pair(0, facts=to_json(facts_of(4)))
    assert set(failed(built, "faithfulness")) == {"captions agree with their facts"}


def test_a_caption_of_an_optical_half_must_quote_what_the_model_said(built: Built) -> None:
    facts = Facts(statements=("There is a lake.",), source_caption="a green lake .")
    quoted = {**BY_NARRATOR, "method": "optical-model", "source_caption": "a green lake ."}
    lake = "There is a lake."
    built.set_pair(0, **quoted, facts=to_json(facts), caption=lake, caption_detailed=lake)
    assert failed(built, "faithfulness") == {}
    built.set_pair(0, caption="There is a river.")
    assert "says 'river'" in failed(built, "faithfulness")["rewritten captions quote their source"]["detail"]


def test_one_sentence_of_a_model_warns_where_that_of_rules_blocks(built: Built) -> None:
    """The nouns of an unlabelled corpus are those of the facts: another noun makes no other pattern."""
    built.add_corpus("gamma", 200, seed=3)
    path = built.root / "catalogue/gamma.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "classes": []}))

    def narrated(number: int, row: Row) -> Row:
        noun = ("ship", "bridge")[number % 2]
        facts = to_json(Facts(objects=(ObjectFact(noun, noun, f"{noun}s", 2, 2, 0),)))
        caption = f"There are two {noun}s in this SAR image."
        said = {**BY_NARRATOR, "facts": facts, "caption": caption, "split": "train"}
        return {**row, **said} if row["corpus"] == "gamma" else row

    built.set_pairs(lambda rows: [narrated(number, row) for number, row in enumerate(rows)])
    share = "share of one sentence pattern"
    assert outcome(built, "diversity", share)["figure"] is None
    judged = outcome(built, "diversity", f"{share}, quoted and model captions")
    assert (judged["passed"], judged["severity"], judged["figure"]) == (False, "warning", 1.0)
