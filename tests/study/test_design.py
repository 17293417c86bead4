"""What a study consists of, and what its hash stands for."""

import shutil

import pytest
import yaml

from sartext.config import load_parameters
from sartext.config.arms import ARMS, OPTICAL, SAR, SHUFFLED_OPTICAL, arm_rows, rows_of, scaled
from sartext.config.training import CheckpointParameters, StudyParameters
from sartext.errors import ParameterError, TrainingError
from sartext.study.cells import steps_between
from sartext.study.design import CODE, PACKAGE, PRESENTATION, code_hashes, plan
from sartext.study.rates import Rates, Tried
from tests.conftest import ROOT
from tests.study.conftest import make_project


def row(origin, data="build/shards/sar", samples=100, **more):
    return CheckpointParameters.model_validate(
        {"from": origin, "data": data, "samples": samples, "learning_rate": 0.001, **more}
    )


FOUNDATION = "src/sartext/models/foundations/coca-tiny.yaml"
BOTH = {
    "coca-optical": row(FOUNDATION, "build/shards/optical", 300),
    "coca-sar": row("build/checkpoint/coca-optical", samples=100),
}


@pytest.mark.parametrize("profile", ["params.yaml", "conf/small.yaml"])
def test_the_arms_of_every_profile_are_fair(profile):
    """All controls differ from progressive in one thing alone: the table is refused else, and none is made up."""
    table = load_parameters(ROOT / profile).checkpoints
    assert rows_of(table) == {name: row for name, row in table.items() if name.startswith("arm-")}
    assert arm_rows(table) == {arm.name: arm.row for arm in ARMS}


def test_rows_that_the_table_lacks_are_made_from_the_two_stages():
    rows = rows_of(BOTH)
    assert {arm.row for arm in ARMS} <= rows.keys()
    assert rows["arm-direct"].origin == FOUNDATION
    assert (rows[SAR].parent, rows["arm-shuffled"].parent) == (OPTICAL, SHUFFLED_OPTICAL)
    assert (rows["arm-direct"].samples, rows["arm-shuffled"].samples, rows[SHUFFLED_OPTICAL].samples) == (
        100,
        100,
        300,
    )
    assert [name for name, row in rows.items() if row.shuffle_captions] == [SHUFFLED_OPTICAL]
    assert rows["arm-mixed"].data == "build/shards"
    assert arm_rows(BOTH) == {"progressive": "coca-sar", "optical-only": "coca-optical"}


@pytest.mark.parametrize("name", ["coca-optical", "coca-sar"])
def test_both_stages_are_needed(name):
    with pytest.raises(ParameterError, match=f"no row '{name}'"):
        rows_of({other: row for other, row in BOTH.items() if other != name})
    with pytest.raises(ParameterError, match="starts from"):
        rows_of({**BOTH, "coca-sar": row(FOUNDATION)})


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("arm-direct", {"samples": 99}, "samples 99, the comparison is fair with 100"),
        ("arm-direct-total", {"samples": 300}, "fair with 400"),
        ("arm-mixed", {"methods": ("a2c",)}, "methods"),
        ("arm-shuffled", {"paraphrase": False}, "paraphrase"),
        ("arm-direct", {"origin": "build/checkpoint/coca-optical"}, "from"),
        (OPTICAL, {"shuffle_captions": True}, "shuffle_captions"),
    ],
)
def test_controls_that_are_not_fair_are_refused(name, wrong, message):
    rows = rows_of(BOTH)
    assert rows_of(rows) == rows
    with pytest.raises(ParameterError, match=message):
        rows_of({**rows, name: rows[name].model_copy(update=wrong)})


def test_unfair_arms_are_refused_before_anything_is_trained(tmp_path):
    table = yaml.safe_load((ROOT / "params.yaml").read_text())
    table["checkpoints"]["arm-mixed"] |= {"samples": 5601, "learning_rate": 0.004}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(table))
    with pytest.raises(ParameterError, match=r"arm-mixed.samples: .*samples 5601, .*fair with 5600"):
        load_parameters(tmp_path / "params.yaml")


@pytest.mark.parametrize("scale", [0.11, 0.37, 0.5, 1.0])
def test_totals_are_those_of_the_rounded_stages(scale):
    rows = scaled(rows_of(BOTH), scale, 32)
    both = rows[OPTICAL].samples + rows[SAR].samples
    assert rows["arm-direct-total"].samples == rows["arm-mixed"].samples == both
    assert not any(row.samples % 32 for row in rows.values())
    other = scaled(rows_of(BOTH), scale, 32, sar=3200)
    assert other[OPTICAL] == rows[OPTICAL]
    assert other["arm-direct"].samples == round(3200 * scale / 32) * 32


def test_trainings_of_any_length_are_validated_as_often():
    """The last step is validated always; never more often than asked for."""
    for steps in (100, 200, 400, 72):
        assert -(-steps // steps_between(steps, 8)) == 8
    assert all(-(-steps // steps_between(steps, 8)) <= 8 for steps in range(1, 300))


def test_the_hash_is_that_of_simulator_and_recipe(tmp_path):
    digest = plan(make_project(tmp_path)).digest
    arms = {"arms": {"progressive": {}, "direct": {}}}
    for same in ({"seeds": [1, 2]}, {"fractions": [0.5]}, {"workers": 2}, {"resamples": 300}, arms):
        assert plan(make_project(tmp_path, **same)).digest == digest
    changes = (
        {"batch": 10},
        {"scale": 0.01},
        {"looks": 2},
        {"validations": 3},
        {"learning_rates": [0.001]},
        {"learning_rates": []},
        {"frozen_tower": True},
        {"development_seeds": [7]},
        {"scenes": {"ships": 41, "objects": 40, "landcover": 40, "pairs": 0, "optical": 60}},
    )
    others = {plan(make_project(tmp_path, **change)).digest for change in changes}
    assert len(others - {digest}) == len(changes)


def test_the_hash_covers_the_code_and_leaves_out_how_results_are_drawn(tmp_path):
    for name in (*CODE, *PRESENTATION):
        assert (PACKAGE / name.removesuffix("/*")).exists(), name
    package = tmp_path / "sartext"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    before = dict(code_hashes(package))
    assert {"simulation/radar.py", "training/loop.py", "narrator/statements.py", "release/inputs.py"} <= {*before}
    assert not {name for name in before if name.startswith("release/gate")}
    for name in PRESENTATION:
        if not name.endswith("*"):
            (package / name).write_text("changed")
    assert dict(code_hashes(package)) == before
    (package / "simulation/radar.py").write_text("changed")
    assert dict(code_hashes(package)) != before


def test_a_quick_study_has_a_folder_of_its_own(tmp_path):
    project = make_project(tmp_path)
    quick = plan(project, quick=True)
    assert quick.output != plan(project).output
    assert quick.study.seeds == (9001, 9002)


@pytest.mark.parametrize(
    ("section", "message"),
    [({"seeds": [2507]}, "fresh"), ({"scenes": {"optical": 0}}, "captioned SAR scenes and optical ones")],
)
def test_seeds_must_be_fresh_and_scenes_of_both_kinds(tmp_path, section, message):
    with pytest.raises(ParameterError, match=message):
        plan(make_project(tmp_path, **section))


def test_a_seed_is_not_used_in_development_and_in_the_study():
    with pytest.raises(ValueError, match="used in development"):
        StudyParameters.model_validate({"seeds": [5], "development_seeds": [5]})


def test_the_best_learning_rate_of_the_nearest_share_is_taken():
    rates = Rates()
    rates.tried["arm-progressive", 0.1] = [Tried(0.001, 3.0), Tried(0.002, 2.0), Tried(0.004, None)]
    rates.tried["arm-progressive", 1.0] = [Tried(0.001, 1.0), Tried(0.002, 2.0)]
    assert [rates.chosen("arm-progressive", share) for share in (0.05, 0.1, 0.25, 0.5, 1.0)] == [
        0.002, 0.002, 0.002, 0.001, 0.001,
    ]  # fmt: skip
    rates.tried["arm-direct", 1.0] = [Tried(0.001, None)]
    with pytest.raises(TrainingError, match="diverged with every learning rate"):
        rates.chosen("arm-direct", 1.0)
