"""Parameters are validated whole; an unknown name is answered with the nearest known one."""

from pathlib import Path

import pytest
import yaml

from sartext.catalogue import find_entry, load_catalogue
from sartext.config import Project, load_parameters
from sartext.errors import CatalogueError, ParameterError
from tests.conftest import ROOT


def parameters(tmp_path: Path, **changes: object) -> Path:
    content = {"corpora": {"sim-ships": {"catalogue": "src/sartext/catalogue/sim-ships.yaml"}}, **changes}
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize("path", ["params.yaml", "conf/sample.yaml"])
def test_the_profiles_of_the_project_are_valid_and_name_known_corpora(path: str) -> None:
    known = load_catalogue(Project(ROOT))
    for name, corpus in load_parameters(ROOT / path).corpora.items():
        assert name in known
        assert (ROOT / corpus.catalogue).is_file()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"releas": {}}, "unknown name 'releas'; did you mean 'release'?"),
        (
            {"splits": {"near": {"corelation": 1}}},
            "unknown name 'splits.near.corelation'; did you mean 'correlation'?",
        ),
        ({"splits": {"test": 1.5}}, "splits.test: .* less than 1 .got 1.5."),
        ({"splits": {"test": 0.5, "validation": 0.5}}, "together must stay under 1"),
        ({"captions": ["sim-shipz"]}, "unknown corpus 'sim-shipz'; did you mean 'sim-ships'?"),
        ({"release": {"version": "1.0"}}, "release.version: .*got '1.0'"),
        ({"corpora": []}, "corpora"),
        ({"gate": {"caption_words": [80, 3]}}, "gate.caption_words: the lower bound must be"),
        ({"gate": {"precision_shortfall": 1.5}}, "gate.precision_shortfall: .* less than or equal to 1"),
        ({"captions": ["sim-ships", "sim-ships"]}, "'sim-ships' is listed twice"),
        ({"release": {"formats": []}}, "release.formats"),
    ],
)
def test_a_wrong_parameter_is_named_on_one_line(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message) as caught:
        load_parameters(parameters(tmp_path, **changes))
    assert "\n" not in str(caught.value)


def test_no_parameter_file_and_no_yaml_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="no parameter file"):
        load_parameters(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("a: [")
    with pytest.raises(ParameterError, match="not valid YAML"):
        load_parameters(tmp_path / "params.yaml")


def test_an_unlisted_corpus_is_answered_with_the_nearest_listed_one() -> None:
    with pytest.raises(CatalogueError, match=r"'sim-ship' is not listed; did you mean 'sim-ships'\?"):
        find_entry(Project(ROOT), "sim-ship")


def test_a_corpus_that_the_package_and_the_user_define_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "catalogue").mkdir()
    text = (ROOT / "src/sartext/catalogue/ssdd.yaml").read_text()
    (tmp_path / "catalogue" / "ssdd.yaml").write_text(text)
    with pytest.raises(CatalogueError, match="corpus 'ssdd' is defined twice"):
        load_catalogue(Project(tmp_path))


def test_every_catalogue_file_says_what_a_user_must_know() -> None:
    for name, entry in load_catalogue(Project(ROOT)).items():
        assert entry.licence, name
        assert entry.citation, name
        assert entry.obtain, name
