"""Parameters are validated whole; an unknown name is answered with the nearest known one."""

from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from sartext.catalogue import find_entry, load_catalogue
from sartext.config import Project, load_parameters
from sartext.config.training import Champions
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


CHAMPIONS = TypeAdapter(Champions)


def test_thresholds_are_read_by_model_and_figure() -> None:
    thresholds = {"sar-rs-clip": {"retrieval/duplicate_aware.mean_recall": 30, "foils/mean_accuracy": 60.5}}
    assert CHAMPIONS.validate_python(thresholds) == thresholds


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        *((name, 1) for name in ("mean_recall", "retrieval/", "retrieval/Mean Recall", "speed/oa", "vqa/a.b.c")),
        *(("vqa/oa", bound) for bound in (float("nan"), float("inf"), "much")),
    ],
)
def test_what_is_no_name_of_a_figure_or_no_number_is_refused(name: str, bound: object) -> None:
    with pytest.raises(ValidationError):
        CHAMPIONS.validate_python({"sar-gpt": {name: bound}})


def test_a_threshold_of_physics_which_no_model_could_pass_is_refused_and_told_why() -> None:
    message = "figures of physics are of simulated scenes, not of the first benchmark"
    with pytest.raises(ValidationError, match=message):
        CHAMPIONS.validate_python({"sar-rs-clip": {"physics/mean_recall": 1}})
