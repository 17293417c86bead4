"""The asset graph follows from dvc.yaml; an empty list is no error, by plain DVC too."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster import AssetKey, Definitions

from orchestration.definitions import build_definitions
from orchestration.dvc_adapter import read_graph
from orchestration.graph import Graph, Stage
from sartext.errors import SarTextError
from tests.conftest import ROOT
from tests.llm.making import EXAMPLES, PROMPT, REWRITING
from tests.processes import dvc, init_dvc

from .conftest import STAGES

SNAPSHOT = Path(__file__).with_name("asset_graph.json")


def jobs_of(root: Path) -> dict[str, list[str]]:
    return described(build_definitions(root))["jobs"]


def described(definitions: Definitions) -> dict[str, Any]:
    """Assets, checks, jobs and what starts them, as a person reviews them."""
    repository = definitions.get_repository_def()
    graph = repository.asset_graph
    assets = {}
    for key in sorted(graph.get_all_asset_keys()):
        node = graph.get(key)
        assets[key.to_user_string()] = {
            "deps": sorted(parent.to_user_string() for parent in node.parent_keys),
            "group": node.group_name,
            "kinds": sorted(node.kinds),
            "owners": sorted(node.owners),
            "description": node.description,
            "pools": sorted(node.pools or ()),
            "observable": node.is_observable,
        }
    checks = {key.to_user_string(): graph.get(key).blocking for key in graph.asset_check_keys}
    jobs = {
        job.name: sorted(key.to_user_string() for key in job.asset_layer.selected_asset_keys)
        for job in repository.get_all_jobs()
        if not job.name.startswith("__")
    }
    schedules = {weekly.name: f"{weekly.cron_schedule} {weekly.job_name}" for weekly in repository.schedule_defs}
    return {"assets": assets, "checks": checks, "jobs": jobs, "schedules": schedules}


def test_the_projects_asset_graph_is_the_reviewed_one(tmp_path: Path) -> None:
    """After a wanted change: ``SARTEXT_SNAPSHOT=write pytest tests/orchestration/test_graph.py``; look at it."""
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    init_dvc(tmp_path)
    now = described(build_definitions(tmp_path))
    if os.environ.get("SARTEXT_SNAPSHOT") == "write":
        SNAPSHOT.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    assert now == json.loads(SNAPSHOT.read_text(encoding="utf-8"))


def test_the_longest_training_begins_first(tmp_path: Path) -> None:
    """In the project's own graph; the others fit beside it."""
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    init_dvc(tmp_path)
    job = build_definitions(tmp_path).resolve_job_def("release")
    first = [node.name for node in job.nodes if node.tags.get("dagster/priority")]
    assert first == ["make_checkpoint_grounder"]


def test_keys_groups_kinds_owners_descriptions_and_pools_come_from_the_stage(toy: Path) -> None:
    graph = build_definitions(toy).get_repository_def().asset_graph
    node = graph.get(AssetKey(["corpus", "alpha"]))
    assert (node.group_name, node.kinds, node.owners) == ("corpora", {"shell", "text"}, ["team:toys"])
    assert node.description == "Index of alpha"
    assert node.pools == {"readers"}
    other = graph.get(AssetKey(["captions", "beta"]))
    assert (other.group_name, other.kinds, other.owners) == ("captions", {"dvc"}, ["team:sar-text"])


def test_a_folder_dep_stands_for_every_stage_with_an_out_below_it(toy: Path) -> None:
    graph = read_graph(toy)
    assert graph.upstream["candidate"] == ("captions@alpha", "captions@beta")
    assert graph.upstream["captions@beta"] == ("corpus@beta",)
    assert graph.sources["corpus@beta"] == ("beta",)
    assert graph.sources["candidate"] == ()
    assert graph.ancestors("candidate") == ("corpus@alpha", "corpus@beta", "captions@alpha", "captions@beta")
    assert graph.descendants("captions@alpha") == ("candidate", "quality", "release", "publication")


@pytest.mark.parametrize(
    ("dep", "meets"),
    [
        ("build/corpus", True),
        ("build/corpus/a", True),
        ("build/corpus/a/index.parquet", True),
        ("build", True),
        ("build/corpus/ab", False),
        ("build/cor", False),
    ],
)
def test_what_reads_an_out(dep: str, meets: bool) -> None:
    stages = [Stage("corpus@a", "x", outs=("build/corpus/a",)), Stage("reader", "y", deps=(dep,))]
    graph = Graph({stage.name: stage for stage in stages})
    assert graph.upstream["reader"] == (("corpus@a",) if meets else ())


def test_a_dep_on_all_data_stands_for_every_corpus() -> None:
    stages = [Stage("corpus@a", "x", deps=("data/a",)), Stage("quality", "y", deps=("data", "src"))]
    assert Graph({stage.name: stage for stage in stages}).sources["quality"] == ("a",)


def test_only_quality_has_checks_and_all_of_them_block(toy: Path) -> None:
    graph = build_definitions(toy).get_repository_def().asset_graph
    assert {key.asset_key for key in graph.asset_check_keys} == {AssetKey("quality")}
    assert all(graph.get(key).blocking for key in graph.asset_check_keys)


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("dvc.yaml", "stages: [", "dvc.yaml"),
        ("dvc.yaml", "stages:\n  one:\n    cmd: echo\n    dept: [x]\n", "dept"),
        ("dvc.yaml", "stages:\n  one:\n    cmd: echo ${nowhere}\n", "nowhere"),
        ("dvc.yaml", f"{STAGES}  again: {{cmd: echo, outs: [build/candidate]}}\n", "build/candidate"),
        ("params.yaml", "corpora: [", "params.yaml"),
        ("params.yaml", "corpora: {}\nkaptions: []\n", "did you mean 'captions'?"),
        ("params.yaml", "captions: []\n", "corpora"),
    ],
)
def test_a_broken_file_is_told_in_one_line(toy: Path, file: str, text: str, said: str) -> None:
    (toy / file).write_text(text)
    with pytest.raises(SarTextError, match=said):
        build_definitions(toy)


def test_jobs_make_what_the_publication_is_made_from_and_no_arm_of_a_study(toy: Path) -> None:
    stages = (toy / "dvc.yaml").read_text()
    arm = "{foreach: [arm], do: {cmd: echo, deps: [build/corpus], outs: [arms]}}"
    (toy / "dvc.yaml").write_text(f"{stages}  checkpoint: {arm}\n")
    assert "checkpoint@arm" in read_graph(toy).stages
    jobs = jobs_of(toy)
    assert jobs["release"] == jobs["rebuild"]
    assert {"publication", "corpus/alpha"} <= set(jobs["release"])
    assert "checkpoint/arm" not in jobs["release"]


def test_a_report_is_a_job_and_is_rebuilt_where_models_are_listed(toy: Path) -> None:
    stages = (toy / "dvc.yaml").read_text()
    (toy / "dvc.yaml").write_text(f"{stages}  report: {{cmd: echo, deps: [build/release], outs: [page]}}\n")
    jobs = jobs_of(toy)
    assert "report" in jobs["report"]
    assert "report" not in jobs["rebuild"]
    row = "{from: build/checkpoint/clip, data: build/release-shards, samples: 64, learning_rate: 0.001}"
    clip = "{from: clip.yaml, data: build/shards/optical, samples: 64, learning_rate: 0.001}"
    text = f"checkpoints:\n  clip: {clip}\nmodels:\n  sar-clip: {row}\n"
    (toy / "params.yaml").write_text((toy / "params.yaml").read_text() + text)
    jobs = jobs_of(toy)
    assert set(jobs["rebuild"]) == {*jobs["release"], *jobs["report"]}


def test_a_stage_whose_name_has_a_dash_has_a_key_and_a_step() -> None:
    stage = Stage("optical-captions@sim-pairs", "x")
    assert (stage.key, stage.op) == (["optical-captions", "sim-pairs"], "make_optical_captions_sim_pairs")


@pytest.mark.parametrize(
    "profile", ["params.yaml", *(f"conf/{path.name}" for path in sorted((ROOT / "conf").glob("*.yaml")))]
)
def test_every_profile_holds_what_the_graph_asks_for(tmp_path: Path, profile: str) -> None:
    """DVC stops in the middle of a build where a section that a stage depends on is absent, even an empty one."""
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    shutil.copy(ROOT / profile, tmp_path / "params.yaml")
    init_dvc(tmp_path)
    wanted = {name for stage in read_graph(tmp_path) for name in stage.params}
    content = yaml.safe_load((tmp_path / "params.yaml").read_text())
    assert {name for name in wanted if not holds(content, name)} == set()


def holds(content: object, name: str) -> bool:
    """Whether parameters have a place such as ``training.recipe``."""
    for part in name.split("."):
        if not isinstance(content, dict) or part not in content:
            return False
        content = content[part]
    return True


FOLDERS = ("build/captions", "build/narrated", "build/optical-captions", "build/rewritten")
CODE = ("src/sartext/release/inputs.py", "src/sartext/tables.py")
"""What the stage `lists` depends on."""

EMPTY = {
    "captions": [],
    "optical_captions": [],
    "narrated": [],
    "rewritten": [],
    "pinned": {},
    "checkpoints": {},
    "models": {},
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project's own graph, with every list empty, and the code of the stage `lists`."""
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    parameters = {**yaml.safe_load((ROOT / "params.yaml").read_text()), **EMPTY}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(parameters))
    for name in CODE:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    init_dvc(tmp_path)
    return tmp_path


def test_nothing_is_trained_for_a_publication_without_narration(project: Path) -> None:
    needed = read_graph(project).ancestors("publication")
    stages = {name.split("@")[0] for name in needed}
    assert stages == {"corpus", "splits", "lists", "candidate", "quality", "release"}


def test_a_language_model_is_asked_by_a_stage_that_knows_its_prompt_and_not_its_endpoint(project: Path) -> None:
    path = project / "params.yaml"
    sections = {"rewritten": ["sim-pairs"], "captions": ["sim-pairs"], "rewriting": REWRITING}
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **sections}))
    graph = read_graph(project)
    assert "rewritten@sim-pairs" in graph.ancestors("publication")
    assert {PROMPT, EXAMPLES, "src/sartext/llm"} <= set(graph.stages["rewritten@sim-pairs"].deps)
    assert "endpoint" not in (ROOT / "dvc.yaml").read_text()


def test_pinned_checkpoints_caption_a_corpus_and_nothing_is_trained(project: Path) -> None:
    path = project / "params.yaml"
    names = ("clip-sar", "coca-sar", "grounder")
    pins = {name: f"releases/sar-text/1.0.0/provenance/build/checkpoint/{name}" for name in names}
    content = {**yaml.safe_load(path.read_text()), "pinned": pins, "narrated": ["sim-unlabelled"]}
    path.write_text(yaml.safe_dump(content))
    needed = read_graph(project).ancestors("publication")
    assert {f"pinned@{name}" for name in names} < set(needed)
    assert not any(name.startswith("checkpoint@") for name in needed)


def test_the_folders_are_there_after_plain_dvc_repro(project: Path) -> None:
    dvc(project, "repro", "lists")
    assert [folder for folder in FOLDERS if not (project / folder).is_dir()] == []
    missing = dvc(project, "status", "candidate")
    assert "build/splits" in missing
    assert not any(f"deleted:            {folder}" in missing for folder in FOLDERS)


def test_what_reads_captions_follows_from_the_lists(project: Path) -> None:
    graph = read_graph(project)
    assert {"candidate", "quality", "sar-shards"} <= set(graph.descendants("lists"))
