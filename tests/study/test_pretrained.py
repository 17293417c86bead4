"""The second study: its profile, arms that a profile declares, a grounder among them, and frozen towers."""

import shutil

import pytest
import torch
import yaml
from click.testing import CliRunner

from sartext.cli import cli
from sartext.config import Project, load_parameters
from sartext.config.arms import ARMS, arms_of
from sartext.config.training import ArmParameters
from sartext.errors import ModelError, ParameterError
from sartext.evaluation.metrics.recall import CUTS, constant_ranks
from sartext.models.checkpoint import start
from sartext.models.frozen import frozen_tower
from sartext.narrator.statements import OBJECT_COUNT
from sartext.study.cells import StudyCell, read_result, run_cell
from sartext.study.design import plan
from sartext.study.examination import commonest_count
from sartext.study.figures import METRICS, find
from sartext.study.page import page
from sartext.study.running import run_study
from sartext.study.tables import console_table, write_tables
from sartext.study.worlds import world_of
from sartext.training.shards.reading import Shards
from tests.conftest import ROOT
from tests.study.conftest import copy, make_project, times

FOUNDATIONS = "src/sartext/models/foundations"
TINY = {"coca-lite0.yaml": "coca-tiny.yaml", "coca-lite0-random.yaml": "coca-tiny.yaml"}
SAMPLES = {0: 0, 1600: 16, 3200: 32}


def profile():
    return load_parameters(ROOT / "conf/study/pretrained.yaml", over=ROOT / "conf/sample.yaml")


def test_the_profile_is_a_fair_comparison_from_imagenet_and_from_random_weights():
    parameters = profile()
    arms = {arm.name: arm for arm in arms_of(parameters.study.arms, parameters.checkpoints)}
    assert {*arms} >= {*(arm.name for arm in ARMS), "foundation", "grounder", "random-direct-total"}
    assert {name for name, arm in arms.items() if not arm.fractions} == {"optical-only", "foundation"}
    for name, row in parameters.checkpoints.items():
        if row.parent is None:
            assert ("random" in row.origin) == ("random" in name), name
    assert parameters.study.learning_rates == ()
    assert len(parameters.study.seeds) >= 3 and parameters.study.fractions == (0.05, 0.25, 1.0)
    assert set(parameters.corpora) == set(load_parameters(ROOT / "conf/sample.yaml").corpora)


def test_an_arm_that_is_not_trained_like_the_other_is_refused():
    rows = dict(profile().checkpoints)
    declared = {"random-progressive": ArmParameters(like="progressive")}
    arms_of(declared, rows)
    first = rows["arm-random-optical"]
    with pytest.raises(ParameterError, match="'arm-random-progressive' is not trained as 'arm-progressive'"):
        arms_of(declared, rows | {"arm-random-optical": first.model_copy(update={"samples": 1616})})
    with pytest.raises(ParameterError, match="no row 'arm-directs'"):
        arms_of({"directs": ArmParameters()}, rows)


@pytest.fixture(scope="module")
def design(finished, tmp_path_factory):
    """The profile with tiny towers, few samples and one share, on scenes that stand for a sample."""
    root = tmp_path_factory.mktemp("pretrained")
    built = root / "build" / "sample"
    shutil.copytree(world_of(finished.design, 9001).project.root, built)
    base = yaml.safe_load((make_project(root).root / "params.yaml").read_text())
    captions = ["sim-ships", "sim-objects", "sim-landcover"]
    corpora = {name: corpus for name, corpus in base["corpora"].items() if name in {*captions, "sim-optical"}}
    base |= {"captions": captions, "corpora": corpora, "narrated": [], "optical_captions": []}
    (built / "params.yaml").write_text(yaml.safe_dump(base, sort_keys=False))
    own = yaml.safe_load((ROOT / "conf/study/pretrained.yaml").read_text())
    for row in own["checkpoints"].values():
        row["samples"] = SAMPLES[row["samples"]]
        name = row["from"].removeprefix(f"{FOUNDATIONS}/")
        row["from"] = f"{FOUNDATIONS}/{TINY[name]}" if name in TINY else row["from"]
    own["checkpoints"]["arm-grounder"] |= {"from": f"{FOUNDATIONS}/grounder-tiny.yaml", "batch": 8}
    for name in ("coca-tiny.yaml", "coca-lite0-random.yaml", "grounder-tiny.yaml"):
        copy(f"{FOUNDATIONS}/{name}", built)
    own["training"]["batch"] = 8
    own["study"] |= {"seeds": [9001, 9002], "fractions": [0.5], "workers": 1, "resamples": 100}
    (root / "conf/study").mkdir(parents=True)
    (root / "conf/study/pretrained.yaml").write_text(yaml.safe_dump(own, sort_keys=False))
    return plan(Project(root), "pretrained")


@pytest.fixture(scope="module")
def study(design):
    return run_study(design)


def test_all_declared_arms_are_run_and_compared(study):
    findings = write_tables(study)
    assert [row.arm.name for row in findings.rows] == list(study.design.study.arms)
    samples = {row.arm.name: row.samples for row in findings.rows}
    assert samples["foundation"] == 0
    assert samples["random-progressive"] == samples["random-direct-total"] == samples["progressive"] == 32
    assert samples["grounder"] == samples["random-direct"] == 16
    pairs = {(difference.arm.name, difference.control.name) for difference in findings.differences}
    assert {("progressive", "random-progressive"), ("direct", "random-direct")} < pairs
    assert {("random-progressive", "random-direct"), ("random-progressive", "random-direct-total")} < pairs
    text = page(study, findings)
    assert "from ImageNet weights" in text and ">random-direct-total<" in text and "no caption at all" in text
    console_table(findings)


def test_the_command_shows_it(study):
    root = str(study.design.output.parent.parent)
    for command in ("table", "page"):
        shown = CliRunner().invoke(cli, ["--root", root, "study", command, "--data", "pretrained"])
        assert shown.exit_code == 0, shown.output
    assert shown.output.strip() == "build/study-pretrained/index.html"


def test_every_row_trains_with_its_own_learning_rate(study):
    rows = study.design.every_row
    assert {entry.cell.learning_rate == rows[entry.cell.row].learning_rate for entry in study.entries} == {True}
    assert not any(entry.cell.development for entry in study.entries)


def test_a_grounder_has_facts_alone(study):
    row = next(row for row in find(study).rows if row.arm.name == "grounder")
    assert row.metrics["mean_recall"].value is row.metrics["cross_entropy"].value is None
    assert row.pairs and row.sar_samples == 16
    for entry in study.entries:
        sums = study.result(entry.cell)["examination"]["groups"]
        true = {name: [kind[2] for kind in group["statements"].values()] for name, group in sums.items()}
        progressive = study.result(study.entries[0].cell)["examination"]["groups"]
        if entry.cell.seed == study.entries[0].cell.seed:  # the same truth as all arms are asked for
            expected = {
                name: [kind[2] for kind in group["statements"].values()] for name, group in progressive.items()
            }
            assert {name: known for name, known in true.items() if any(known)} == {
                name: known for name, known in expected.items() if any(known)
            }


def test_the_blind_answers_stand_beside_the_figures(study):
    """Chance, which no order that is the same for every query beats, and the commonest number of a class."""
    findings = find(study)
    world = world_of(study.design, study.design.study.seeds[0])
    with Shards([world.examination.shards("sar")]) as shards:
        assert findings.blind["exact_count"] == commonest_count(shards.rows("validation"))
    assert 0 < findings.blind["exact_count"] < 100
    sets = [1, 1, 2, 3, 3, 3]
    constant = constant_ranks(sets)["distinct_facts"].recall_at(CUTS)
    weights = torch.tensor([1 / 2, 1 / 2, 1, 1 / 3, 1 / 3, 1 / 3])
    assert float((weights @ torch.from_numpy(constant).float()).mean() / 3) == pytest.approx((1 / 3 + 2) / 3)
    assert {"mean_recall", "exact_count"} == {*findings.blind} <= {metric.name for metric in METRICS}


def test_exact_count_is_that_of_the_count_statements(study):
    row = next(row for row in find(study).rows if row.arm.name == "direct")
    shares = []
    for entry in study.entries:
        if entry.arm.name == "direct":
            groups = study.result(entry.cell)["examination"]["groups"].values()
            counts = [group["statements"][OBJECT_COUNT] for group in groups]
            shares.append(100 * sum(right for right, *_ in counts) / sum(true for *_, true in counts))
    assert row.metrics["exact_count"].value == pytest.approx(sum(shares) / len(shares))


def test_a_finished_study_is_not_run_again(study):
    before = times(study.design.folder.rglob("cells/*.json"))
    assert run_study(study.design) == study
    assert times(before) == before


def test_a_frozen_tower_learns_nothing_and_the_rest_does(design):
    """Its features are those of the tower as it stands, and its weights are kept with the model."""
    tower = f"{FOUNDATIONS}/coca-lite0-random.yaml"
    project = world_of(design, 9001).project
    model = start(tower, project.root, project.tokenizer, seed=3, side=64)
    trunk = model.network.visual.trunk
    weights = {name: tensor.clone() for name, tensor in trunk.state_dict().items()}
    images = torch.rand(4, 3, 64, 64)
    with torch.no_grad():
        expected = [torch.cat(each) for each in zip(*(trunk(image[None]) for image in images), strict=True)]
    with frozen_tower(model, True):
        model.network.train()
        for _ in range(2):  # the second time they are remembered
            maps = model.network.visual.trunk(images)
            assert all(torch.equal(*both) for both in zip(maps, expected, strict=True))
        assert not any("trunk" in name for name in model.network.state_dict())
        model.network.set_grad_checkpointing(True)  # nothing is computed twice where nothing is learned
        model.network.visual(images)[0].sum().backward()
        assert model.network.visual.pooled.weight.grad is not None
    assert model.network.visual.trunk is trunk
    assert all(torch.equal(tensor, trunk.state_dict()[name]) for name, tensor in weights.items())


def test_a_frozen_study_lies_in_a_folder_of_its_own_and_needs_such_a_tower(design):
    frozen = plan(Project(design.output.parent.parent), "pretrained", frozen=True)
    assert frozen.output.name == "study-pretrained-frozen"
    assert frozen.digest != design.digest
    shutil.copytree(design.folder / "test", frozen.folder / "test", symlinks=True)
    with pytest.raises(ModelError, match="only an image tower of timm can be frozen"):
        run_cell(frozen, StudyCell(9001, "arm-direct", 0.5, 0.001))


def test_a_cell_that_is_not_trained_is_scored_all_the_same(study):
    cell = next(entry.cell for entry in study.entries if entry.arm.name == "foundation")
    result = read_result(study.design, cell)
    assert (result["samples"], result["sar_samples"]) == (0, 0)
    assert sum(group["tokens"] for group in result["examination"]["groups"].values()) > 0
