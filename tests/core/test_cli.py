"""The command line: every stage of ``dvc.yaml`` is a command, and what is wrong is one line with the way out."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from sartext.cli import cli
from sartext.cli.stages import STAGES
from sartext.config import Project
from sartext.doctor import require_known_names
from sartext.errors import ParameterError, TrainingError, counted
from sartext.files import write_json
from tests.conftest import ROOT

CLIP = "{from: clip.yaml, data: build/shards/optical, samples: 64, learning_rate: 0.001}"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "params.yaml").write_text(f"corpora: {{}}\ncheckpoints:\n  clip: {CLIP}\n")
    return Project(tmp_path)


def sartext(project: Project, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["--root", str(project.root), *arguments])


def test_every_stage_of_the_pipeline_is_a_command_and_every_command_a_stage() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].values()
    written = [stage.get("do", stage)["cmd"].removeprefix("python -m sartext ").split() for stage in stages]
    commands = {f"{stage.group} {stage.name}".split()[0] for stage in STAGES}
    assert {words[0] for words in written} == commands
    of_release = {stage.name for stage in STAGES if stage.group == "release"}
    assert {words[1] for words in written if words[0] == "release"} == of_release


@pytest.mark.parametrize("name", STAGES.names)
def test_the_function_of_a_stage_is_there(name: str) -> None:
    module, _, function = STAGES[name].function.partition(":")
    assert callable(getattr(import_module(module), function))


def test_help_loads_nothing_heavy() -> None:
    code = "import sys, sartext.cli; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "mlflow", "great_expectations", "pyarrow", "pandas", "dvc", "openai"} & set(
        done.stdout.split()
    )


@pytest.mark.parametrize("command", ["doctor", "corpora list", "prune", "tracking status", "splits"])
def test_a_folder_that_is_no_project_is_one_line_with_the_way_out(tmp_path: Path, command: str) -> None:
    error = sartext(Project(tmp_path), *command.split()).exception
    assert isinstance(error, ParameterError)
    assert str(tmp_path) in str(error) and "--root" in error.way_out
    assert list(tmp_path.iterdir()) == [], "nothing is made there"


def test_a_root_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = sartext(Project(tmp_path / "nowhere"), "doctor")
    assert done.exit_code == 2
    assert f"'{tmp_path / 'nowhere'}' does not exist" in done.output


def test_a_finished_training_is_not_begun_again_unasked(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[str] = []
    monkeypatch.setattr("sartext.training.stage.train", lambda _, name, **__: trained.append(name) or {})
    assert sartext(project, "train", "clip").exit_code == 0
    write_json(project.checkpoint("clip") / "training.json", {})
    error = sartext(project, "train", "clip").exception
    assert isinstance(error, TrainingError) and "sartext train clip --again" in error.way_out
    assert sartext(project, "train", "clip", "--again").exit_code == 0
    (project.build / "resume" / "clip").mkdir(parents=True)  # it was killed after it wrote its model
    assert sartext(project, "train", "clip").exit_code == 0
    assert trained == ["clip", "clip", "clip"]


def test_what_a_stage_tells_is_printed_and_logged(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sartext.release.splits.decide_splits", lambda _: {"images": 3, "lines": ["as it was"]})
    done = sartext(project, "splits")
    assert done.output.startswith("as it was\nsplits: images 3 (")
    assert '"images": 3' in (project.build / "log" / "splits.json").read_text()


@pytest.mark.parametrize(
    ("before", "after", "near"),
    [
        ("samples: 64", "samples: 64, methods: [a2d]", "'a2c'"),
        ("checkpoints", "champions: {clap: {vqa/oa: 1}}\ncheckpoints", "'clip'"),
        ("checkpoints", "champions: {clip: {vqa/ao: 1}}\ncheckpoints", "'oa'"),
        ("checkpoints", "release: {formats: [parket]}\ncheckpoints", "'parquet'"),
    ],
)
def test_unknown_names_are_found_before_a_build(project: Project, before: str, after: str, near: str) -> None:
    require_known_names(project)
    path = project.root / "params.yaml"
    path.write_text(path.read_text().replace(before, after))
    with pytest.raises(ParameterError, match=f"did you mean {near}"):
        require_known_names(Project(project.root))
    assert f"did you mean {near}" in sartext(project, "doctor").output


def test_a_threshold_above_blind_answers_that_nobody_gives_is_found_before_a_build(project: Project) -> None:
    path = project.root / "params.yaml"
    text = path.read_text()
    for name, known in (("vqa/oa", True), ("vqa/accuracy", False)):
        path.write_text(text.replace("checkpoints", f"champions: {{clip: {{{name}: blind + 2}}}}\ncheckpoints"))
        if known:
            require_known_names(Project(project.root))
            continue
        with pytest.raises(
            ParameterError, match="no answer without the image is known for vqa/accuracy"
        ) as raised:
            require_known_names(Project(project.root))
        assert raised.value.way_out == "state a number, or name one of vqa/aa, vqa/oa"


def test_an_annotation_format_that_nothing_reads_is_found_before_a_build(project: Project) -> None:
    entry = (ROOT / "src/sartext/catalogue/ssdd.yaml").read_text().replace("name: ssdd", "name: mine")
    (project.root / "catalogue").mkdir()
    (project.root / "catalogue" / "mine.yaml").write_text(entry.replace("format: voc", "format: vox"))
    (project.root / "params.yaml").write_text("corpora:\n  mine: {catalogue: catalogue/mine.yaml}\n")
    with pytest.raises(ParameterError, match="did you mean 'voc'"):
        require_known_names(Project(project.root))


@pytest.mark.parametrize(("count", "text"), [(0, "0 corpora"), (1, "1 corpus"), (1200, "1,200 corpora")])
def test_a_count_has_its_noun_in_the_right_number(count: int, text: str) -> None:
    assert counted(count, "corpus", "corpora") == text
