"""`CITATION.cff` and `DATASHEET.md`: facts of the build, and what a person fills in; nothing invented."""

import re
from typing import Any

import pytest
import yaml

from sartext.errors import ParameterError
from sartext.files import read_json
from tests.release.built import Built

PEOPLE: dict[str, Any] = {
    "doi": "10.5281/zenodo.1234567",
    "authors": [
        {"family": "Lovelace", "given": "Ada", "orcid": "0000-0002-1825-0097", "affiliation": "Nowhere"},
        {"name": "The SAR group"},
    ],
    "datasheet": {"purpose": "To test. <script>alert(1)</script> | and more", "maintenance": "ada@example.org"},
}


@pytest.fixture
def filled(built: Built) -> Built:
    """A project whose people have said what only they know."""
    built.parameters(release={"rows_per_file": 10, **PEOPLE})
    built.publish()
    return built


def citation(built: Built) -> dict[str, Any]:
    return dict(yaml.safe_load((built.releases / "1.0.0/CITATION.cff").read_text()))


def test_the_citation_has_what_the_format_demands(filled: Built) -> None:
    told = citation(filled)
    assert told["cff-version"] == "1.2.0"
    assert told["type"] == "dataset"
    assert {"message", "title", "authors"} <= told.keys()
    assert (told["version"], told["doi"]) == ("1.0.0", "10.5281/zenodo.1234567")
    orcid = "https://orcid.org/0000-0002-1825-0097"
    person = {"family-names": "Lovelace", "given-names": "Ada", "orcid": orcid, "affiliation": "Nowhere"}
    assert told["authors"] == [person, {"name": "The SAR group"}]
    assert "license" not in told, "each corpus has its own"
    content = read_json(filled.releases / "1.0.0/MANIFEST.json")["content_sha256"]
    assert told["identifiers"][0]["value"] == f"sha256:{content}"
    for reference in told["references"]:
        assert {"type", "title", "authors"} <= reference.keys()
    assert told["references"][0]["notes"] == "The authors of alpha, 2026."
    assert told["references"][0]["url"] == "https://example.org/alpha"


def test_nobody_is_invented(assembled: Built) -> None:
    assembled.publish()
    told = citation(assembled)
    assert told["authors"] == [{"name": "not stated"}]
    assert "doi" not in told
    sheet = (assembled.releases / "1.0.0/DATASHEET.md").read_text()
    asked = re.findall(r"\*Not answered: a person says it in `release\.datasheet\.(\w+)`", sheet)
    assert asked == ["purpose", "funding", "people", "ethics", "maintenance"]
    assert "**Is there a DOI?** None is stated." in sheet


def test_the_data_sheet_answers_from_the_build_and_shows_what_people_said_as_text(filled: Built) -> None:
    sheet = (filled.releases / "1.0.0/DATASHEET.md").read_text()
    assert "40 of 2 corpora. 30 hold their image" in sheet
    assert "| The alpha ships (`alpha`) | Sentinel-1 | CC-BY-4.0 | 30 | 30 |" in sheet
    assert "Of 42 source images 40 are released." in sheet
    assert "| corpus | truncated-image | 2 |" in sheet
    assert "train 24, validation 8, test 8 pairs" in sheet
    assert "| `a2c` | 40 |" in sheet
    assert "ada@example.org" in sheet
    assert "To test. &lt;script&gt;alert(1)&lt;/script&gt; \\| and more" in sheet
    assert "10.5281/zenodo.1234567" in sheet
    assert "*Not answered: a person says it in `release.datasheet.funding`" in sheet


@pytest.mark.parametrize(
    ("release", "message"),
    [
        ({"doi": "https://doi.org/10.5281/x"}, "release.doi"),
        ({"authors": [{"given": "Ada"}]}, "an author has a `family` name, or the `name` of a group"),
        ({"authors": [{"name": "A", "family": "B"}]}, "an author has a `family` name, or the `name` of a group"),
        ({"authors": [{"name": "A", "orcid": "1"}]}, "orcid"),
        ({"datasheet": {"purpos": "x"}}, "purpos"),
    ],
)
def test_what_a_person_mistypes_is_told_in_one_line(built: Built, release: dict[str, Any], message: str) -> None:
    built.parameters(release=release)
    with pytest.raises(ParameterError, match=message) as refused:
        _ = built.project.parameters
    assert len(refused.value.lines) == 1
