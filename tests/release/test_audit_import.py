"""Ratings brought back: what does not fit is refused with one line, and no rating is lost."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sartext.cli import cli
from sartext.errors import AuditError
from sartext.release.audit.figures import audit_figures, failures
from sartext.release.audit.ratings import read_ratings
from sartext.release.audit.storing import stored_ratings
from tests.release.audited import SAMPLE, all_of, candidate, imported, ratings, saved
from tests.release.built import Built


def sartext(built: Built, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["--root", str(built.root), "audit", *arguments])


def kept(built: Built) -> list[Path]:
    return sorted(path for path in (built.root / "audit").rglob("*.json"))


def changed(content: dict[str, Any], at: int = 0, **values: object) -> dict[str, Any]:
    """The content with other values in one rating."""
    rows = [{**row, **values} if place == at else row for place, row in enumerate(content["ratings"])]
    return {**content, "ratings": rows}


def test_a_sample_that_no_page_can_hold_is_refused_in_one_line(built: Built) -> None:
    result = sartext(built, "export", "--size", "10001")
    assert isinstance(result.exception, AuditError)
    assert "10,001 images are more than the 10,000 of a page" in str(result.exception)
    assert not (built.root / "build" / "audit").exists()


def test_a_file_is_kept_with_its_candidate_as_it_was_saved(built: Built) -> None:
    content = ratings(built, rate=all_of(4, "a comment"))
    stored = imported(built, content)
    assert stored.outcome == "stored"
    assert [path.relative_to(built.root).as_posix() for path in kept(built)] == [
        f"audit/{candidate(built).sha256}/rater-a.json"
    ]
    assert json.loads(kept(built)[0].read_text()) == content


REFUSED = {
    "another candidate": (lambda content: {**content, "candidate_sha256": "ab" * 32}, "rates another candidate"),
    "another form": (lambda content: {**content, "form": "ratings-0"}, "form"),
    "too high": (lambda content: changed(content, correctness=6), r"ratings.0.correctness.*got 6"),
    "too low": (lambda content: changed(content, fluency=0), r"ratings.0.fluency.*got 0"),
    "not whole": (lambda content: changed(content, fluency=3.5), "ratings.0.fluency"),
    "a word": (lambda content: changed(content, fluency="5"), "ratings.0.fluency"),
    "a truth value": (lambda content: changed(content, fluency=True), "ratings.0.fluency"),
    "no number": (lambda content: json.dumps(changed(content, fluency=float("nan"))), "ratings.0.fluency"),
    "cut off": (lambda content: json.dumps(content)[:-40], "Invalid JSON"),
    "empty": (lambda content: "", "Invalid JSON"),
    "no ratings": (lambda content: "[1, 2]", "should be an object"),
    "unknown name": (lambda content: {**content, "method": "a2c"}, "unknown name 'method'"),
    "a path as a name": (lambda content: {**content, "rater": "../../rater"}, "rater"),
    "twice": (lambda content: {**content, "ratings": content["ratings"] * 2}, "twice"),
    "unknown image": (lambda content: changed(content, image_id="alpha/9999"), "sample does not hold.*alpha/9999"),
    "another sample": (lambda content: {**content, "sample": {**content["sample"], "seed": 9}}, "does not hold"),
    "third showing": (lambda content: changed(content, showing=3), "showing"),
    "rates nothing": (lambda content: {**content, "ratings": []}, "rates nothing"),
}


def test_what_is_no_file_is_refused(built: Built, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.json"):
        with pytest.raises(AuditError, match="no such file"):
            read_ratings(path)


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_in_one_line_and_nothing_is_kept(built: Built, name: str) -> None:
    change, message = REFUSED[name]
    path = saved(built, change(ratings(built)))
    before = path.read_bytes()
    with pytest.raises(AuditError, match=message) as refused:
        imported(built, change(ratings(built)))
    assert str(path) in str(refused.value) and "\n" not in str(refused.value)
    assert refused.value.way_out and len(str(refused.value)) < 400
    assert kept(built) == []
    assert path.read_bytes() == before


def test_a_part_counts_and_may_be_gone_on_with(built: Built) -> None:
    whole = ratings(built)
    begun = {**whole, "ratings": whole["ratings"][:7]}
    assert imported(built, begun).outcome == "stored"
    assert imported(built, begun).outcome == "unchanged"
    assert imported(built, whole).outcome == "goes on"
    in_part = changed(ratings(built, "rater-b"), fluency=None)
    assert (len(in_part["ratings"]), imported(built, in_part).ratings.complete) == (24, 23)


def test_ratings_of_before_are_exchanged_only_when_asked_and_stay_beside(built: Built) -> None:
    imported(built, ratings(built, rate=all_of(5)))
    worse = ratings(built, rate=all_of(2))
    with pytest.raises(AuditError, match=r"24 ratings would change or be dropped.*--replace"):
        imported(built, worse)
    fewer = {**ratings(built), "ratings": ratings(built)["ratings"][:3]}
    with pytest.raises(AuditError, match="21 ratings would change or be dropped"):
        imported(built, fewer)
    first = kept(built)[0].read_bytes()
    assert imported(built, worse, replace=True).outcome == "replaced"
    now, before = sorted(kept(built), key=lambda path: path.parent.name == "replaced")
    assert (now.name, before.read_bytes()) == ("rater-a.json", first)
    assert [of.rater for of in stored_ratings(built.project, candidate(built))] == ["rater-a"]
    assert read_ratings(now).ratings[0].correctness == 2


def test_good_files_are_kept_beside_bad_ones_which_have_a_line_each(built: Built) -> None:
    good = built.root.parent / "good.json"
    good.write_text(json.dumps(ratings(built, rate=all_of(2, "no ship\x1b[2J"))))
    bad = saved(built, "{")
    done = sartext(built, "import", str(bad), str(good), str(built.root / "absent.json"))
    assert done.exit_code == 1
    assert "rater rater-a: 24 ratings, 0 of them in part" in done.output
    assert "2.00 [2.00, 2.00]" in done.output
    assert "no ship" in done.output, "failures are listed with their comments"
    assert "\x1b" not in done.output, "which a terminal does not obey"
    assert len([line for line in done.output.splitlines() if line.startswith("error: ")]) == 2
    assert len(kept(built)) == 1
    assert "kept in audit/" in sartext(built, "status").output


def test_the_status_of_a_candidate_that_nobody_rated_says_how_to_begin(built: Built) -> None:
    imported(built, ratings(built))
    built.reword()
    output = sartext(built, "status").output
    assert "ratings of 1 other candidate do not count" in output
    assert "nobody rated this candidate" in output and "sartext audit export" in output


def test_means_weigh_images_by_the_pairs_that_they_stand_for(built: Built) -> None:
    """30 pairs of alpha and 10 of beta: whatever the floor favours, alpha counts three times as much."""
    audited = candidate(built)
    imported(built, ratings(built, rate=lambda showing: all_of(5 if "alpha" in showing.image_id else 1)(showing)))
    figures = audit_figures(audited.pairs, stored_ratings(built.project, audited))
    whole, alpha, beta = figures["groups"]
    assert (alpha["corpus"], alpha["pairs"], beta["corpus"], beta["pairs"]) == ("alpha", 30, "beta", 10)
    assert (alpha["correctness"]["value"], beta["correctness"]["value"]) == (5.0, 1.0)
    assert whole["correctness"]["value"] == 4.0
    assert whole["correctness"]["low"] < 4.0 < whole["correctness"]["high"]
    assert (whole["images"], figures["images_by_raters"]) == (SAMPLE.size, [SAMPLE.size])
    assert figures["failures"] == beta["images"]
    assert {row[0].split("/")[0] for row in failures(stored_ratings(built.project, audited))} == {"beta"}


def test_a_second_showing_tells_how_steadily_a_rater_rates_and_enters_no_mean(built: Built) -> None:
    audited = candidate(built)
    imported(built, ratings(built, rate=lambda showing: all_of(5 if showing.showing == 1 else 4)(showing)))
    figures = audit_figures(audited.pairs, stored_ratings(built.project, audited))
    assert figures["groups"][0]["fluency"]["value"] == 5.0
    assert figures["self_agreement"][0]["fluency"] == {"items": SAMPLE.repeats, "equal": 0.0, "kappa": 0.0}


def test_agreement_is_cohens_kappa_with_quadratic_weights(built: Built) -> None:
    """By hand: 1 - the sum of squared differences / what it is by chance, every rating with every other."""
    audited = candidate(built)
    images = [row["image_id"] for row in ratings(built)["ratings"] if row["showing"] == 1][:4]
    one, other = ((1, 2, 4, 5), (1, 3, 4, 5))
    for rater, values in (("rater-a", one), ("rater-b", other)):
        given = zip(images, values, strict=True)
        rows = [{"image_id": name, "showing": 1, "correctness": value} for name, value in given]
        imported(built, ratings(built, rater, ratings=rows))
    (agreement,) = audit_figures(audited.pairs, stored_ratings(built.project, audited))["agreement"]
    by_chance = sum((a - b) ** 2 for a in one for b in other) / 4
    assert agreement["raters"] == ["rater-a", "rater-b"]
    assert agreement["correctness"] == {"items": 4, "equal": 0.75, "kappa": round(1 - 1 / by_chance, 4)}


def test_agreement_of_equal_ratings_alone_is_not_defined(built: Built) -> None:
    audited = candidate(built)
    imported(built, ratings(built, "rater-a"))
    imported(built, ratings(built, "rater-b"))
    (agreement,) = audit_figures(audited.pairs, stored_ratings(built.project, audited))["agreement"]
    assert agreement["fluency"] == {"items": SAMPLE.size, "equal": 1.0, "kappa": None}
