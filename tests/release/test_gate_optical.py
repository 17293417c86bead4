"""The gate on captions by way of optical images: are they true of the SAR image, where the truth is known?"""

import pytest

from sartext.files import write_json
from tests.llm.making import REWRITING
from tests.release.built import Built, Row, failed, outcome, result

RULES, MODEL = "captions/alpha", "optical-captions/alpha"
LANGUAGE_MODEL = "rewritten/alpha"


def measured(built: Built, folder: str, objects: tuple[int, int], cover: tuple[int, int]) -> None:
    """What a captioning stage counted of its statements: true ones, of how many."""
    counts = {"object count": objects, "cover class": cover, "all": (0, 0)}
    figures = {kind: {"true": true, "statements": of, "precision": None} for kind, (true, of) in counts.items()}
    hidden = {"statements": figures, "sentences": 90, "partly_unread": 3}
    write_json(built.root / "build" / folder / "metrics.json", {"hidden_truth": hidden})


def rows(built: Built) -> list[Row]:
    return list(result(built, "optical")["expectations"])


def test_the_precision_of_each_method_is_a_figure(built: Built) -> None:
    built.parameters(optical_captions=["alpha"], rewritten=["alpha"], rewriting=REWRITING)
    measured(built, RULES, (45, 50), (99, 100))
    measured(built, MODEL, (43, 50), (44, 50))
    measured(built, LANGUAGE_MODEL, (47, 50), (48, 50))
    assert [(row["name"], row["figure"], row["severity"], row["passed"]) for row in rows(built)] == [
        ("precision of optical-rules statements on objects", 0.9, "critical", True),
        ("precision of optical-rules statements on land cover", 0.99, "critical", True),
        ("precision of optical-model statements on objects", 0.86, "warning", True),
        ("precision of optical-model statements on land cover", 0.88, "warning", True),
        ("precision of optical-llm statements on objects", 0.94, "warning", True),
        ("precision of optical-llm statements on land cover", 0.96, "warning", True),
    ]


@pytest.mark.parametrize(
    ("folder", "passed"), [(RULES, False), (MODEL, True)], ids=["rules block", "a model warns"]
)
def test_a_precision_below_what_is_wanted_is_told(built: Built, folder: str, passed: bool) -> None:
    built.parameters(optical_captions=["alpha"])
    measured(built, folder, (42, 50), (50, 50))
    method = "optical-rules" if folder == RULES else "optical-model"
    assert [*failed(built, "optical")] == [f"precision of {method} statements on objects"]
    assert result(built, "optical")["passed"] is passed


def test_few_statements_and_unknown_truths_are_not_judged(built: Built) -> None:
    measured(built, RULES, (2, 10), (0, 0))
    assert all(row["detail"].startswith("not judged") and row["passed"] for row in rows(built))
    assert (
        "fewer than 30" in outcome(built, "optical", "precision of optical-rules statements on objects")["detail"]
    )
