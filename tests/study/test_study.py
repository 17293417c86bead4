"""The whole way: scenes, trainings, examination, tables; killed and gone on with; on real data."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
import yaml

from sartext.config import Project
from sartext.config.arms import ARMS, OPTICAL, SAR
from sartext.errors import ArtefactError, ParameterError, TrainingError
from sartext.models.checkpoint import start
from sartext.narrator.facts import from_json
from sartext.narrator.realisation import canonical
from sartext.study.cells import StudyCell, diverged, is_done, read_result, result_path, run_cell
from sartext.study.design import plan
from sartext.study.examination import examine
from sartext.study.figures import METRICS
from sartext.study.page import page, write_page
from sartext.study.running import check_shares, read_study, run_study
from sartext.study.tables import console_table, write_tables
from sartext.study.worlds import world_of
from sartext.tables import SHARDS, SPLITS, read_rows
from sartext.training.shards.reading import Shards
from tests.processes import wait_for
from tests.study.conftest import make_project, times, without_seconds


def test_every_arm_has_a_result_at_every_seed_and_share(finished):
    study = finished.design.study
    assert {(entry.cell.seed, entry.arm.name, entry.fraction) for entry in finished.entries} == {
        (seed, arm.name, share) for seed in study.seeds for arm in ARMS for share in study.fractions
    }
    for entry in finished.entries:
        groups = finished.result(entry.cell)["examination"]["groups"]
        assert sum(sums["tokens"] for sums in groups.values()) > 0
        assert sum(sum(counts[2] for counts in sums["statements"].values()) for sums in groups.values()) > 0


def test_samples_are_those_of_the_design(finished):
    """Progressive, shuffled, mixed and direct-total see as many pairs in all, direct those of the SAR stage."""
    write_tables(finished)
    rows = without_seconds(finished.design.output / "cells.csv")
    samples = {row["arm"]: int(row["samples"]) for row in rows}
    assert samples["progressive"] == samples["shuffled"] == samples["mixed"] == samples["direct-total"] == 32
    assert samples["direct"] == samples["optical-only"] == 16
    seen = {(row["arm"], row["fraction"]): int(row["sar_samples"]) for row in rows}
    assert seen["progressive", "0.25"] == seen["progressive", "1"] == seen["direct", "1"] == 16
    assert seen["direct-total", "0.25"] == 32
    assert seen["optical-only", "1"] == 0
    assert 0 < seen["mixed", "0.25"] < seen["mixed", "1"] < 32
    smaller = {row["sar_pairs"] for row in rows if row["arm"] == "direct" and row["fraction"] == "0.25"}
    whole = {row["sar_pairs"] for row in rows if row["arm"] == "direct" and row["fraction"] == "1"}
    assert max(map(int, smaller)) < min(map(int, whole)) / 3
    assert {row["sar_pairs"] for row in rows if row["arm"] == "optical-only"} == {"0"}


def test_the_optical_stage_is_trained_once_per_seed(finished):
    cells = {entry.cell.parent for entry in finished.entries if entry.cell.parent}
    assert len(cells) == 2 * len(finished.design.study.seeds)
    alone = {entry.cell for entry in finished.entries if entry.arm.name == "optical-only"}
    assert alone <= cells


def test_scenes_are_fresh_for_every_seed_and_the_test_split_is_in_no_training_shard(finished):
    held = {}
    for seed in finished.design.study.seeds:
        world = world_of(finished.design, seed)
        assert world.project.parameters.simulation.seed == seed
        splits = read_rows(world.project.build / "splits/splits.parquet", SPLITS)
        test = {row["image_id"] for row in splits if row["split"] == "test"}
        tested = {row["image_id"] for row in read_rows(world.examination.shards("sar") / "index.parquet", SHARDS)}
        assert tested
        assert tested <= test
        for kind in ("optical", "sar"):
            trained = read_rows(world.project.shards(kind) / "index.parquet", SHARDS)
            assert not test & {row["image_id"] for row in trained}
        held[seed] = (world.project.shards("sar") / "train-00000.tar").read_bytes()
    assert len(set(held.values())) == len(held)


def test_a_killed_study_goes_on_and_ends_with_the_same_figures(finished, tmp_path):
    """Killed with its workers while cells are being made; what stood complete is not made again."""
    project = make_project(tmp_path, workers=2)
    design = plan(project)
    assert design.digest == finished.design.digest
    for scenes in (*finished.design.folder.glob("seed-*/world"), *finished.design.folder.glob("seed-*/test")):
        # they are the same: the kill is to hit the trainings
        shutil.copytree(scenes, design.folder / scenes.relative_to(finished.design.folder), symlinks=True)

    def made():
        return list(design.folder.glob("*/cells/[!.]*.json"))

    command = [sys.executable, "-m", "sartext", "--root", str(tmp_path), "study", "run"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    child = subprocess.Popen(command, env=environment, start_new_session=True, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: len(made()) >= 6 or child.poll() is not None)
        assert child.poll() is None, "the study ended before it was killed"
        before = times(made())
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    assert len(made()) < 24
    with pytest.raises(ArtefactError, match="a cell of the study is missing"):
        read_study(design)
    again = run_study(plan(make_project(tmp_path)))
    assert times(before) == before
    write_tables(again)
    write_tables(finished)
    assert again.design.output != finished.design.output
    outputs = (study.design.output for study in (again, finished))
    first, second = (without_seconds(output / "cells.csv") for output in outputs)
    assert first == second
    assert read_study(design).entries == again.entries


def test_a_study_that_was_not_run_is_an_error(tmp_path):
    with pytest.raises(ArtefactError, match="no study of this simulator and recipe"):
        read_study(plan(make_project(tmp_path)))


def test_a_finished_study_is_only_read(finished):
    before = times(finished.design.folder.rglob("cells/*.json"))
    assert run_study(finished.design) == finished
    assert times(before) == before


def test_cells_of_another_recipe_are_refused(finished, tmp_path):
    cell = finished.entries[0].cell
    path = result_path(finished.design, cell)
    kept = path.read_text()
    try:
        path.write_text(kept.replace(finished.design.digest, "0" * 64))
        with pytest.raises(ArtefactError, match="another simulator or recipe"):
            read_result(finished.design, cell)
    finally:
        path.write_text(kept)


def test_a_development_cell_is_not_scored_on_test_and_may_diverge(finished):
    torch.set_num_threads(1)
    sound = StudyCell(9001, "arm-direct", 1.0, 0.001, development=True)
    run_cell(finished.design, sound)
    found = read_result(finished.design, sound)
    assert "examination" not in found
    assert found["validation_loss"] > 0
    wild = StudyCell(9001, "arm-direct", 1.0, 1e30, development=True)
    run_cell(finished.design, wild)
    assert read_result(finished.design, wild)["validation_loss"] is None


def test_an_arm_that_diverged_has_no_figures_and_ends_no_study(finished):
    """Its result says so, that of what starts from it too; tables and page show it."""
    design = finished.design
    wild = StudyCell(9001, OPTICAL, 1.0, 1e30)
    child = StudyCell(9001, SAR, 1.0, 0.002, parent=wild)
    torch.set_num_threads(1)
    for cell in (wild, child):
        run_cell(design, cell)
        assert is_done(design, cell)
        assert diverged(read_result(design, cell))
    entries = tuple(
        replace(entry, cell=child)
        if (entry.cell.seed, entry.arm.name, entry.fraction) == (9001, "progressive", 1.0)
        else entry
        for entry in finished.entries
    )
    lost = replace(finished, entries=entries)
    try:
        findings = write_tables(lost)
        [row] = [row for row in findings.rows if row.diverged]
        assert (row.arm.name, row.fraction, row.diverged) == ("progressive", 1.0, 1)
        assert all(interval.value is None for interval in row.metrics.values())
        whole = [item.interval for item in findings.differences if item.fraction == 1.0]
        assert {interval.value for interval in whole} == {None}
        cells = without_seconds(design.output / "cells.csv")
        assert [row["arm"] for row in cells if row["diverged"] == "1"] == ["progressive"]
        assert page(lost, findings).count("diverged in 1 seed<") == len(METRICS)
        console_table(findings)
    finally:
        write_tables(finished)


def test_a_share_that_fills_no_batch_is_told_before_any_training(finished):
    check_shares(finished.design)
    study = finished.design.study.model_copy(update={"fractions": (0.01, 1.0)})
    with pytest.raises(ParameterError, match=r"study.batch.*study.scenes.*study.fractions"):
        check_shares(replace(finished.design, study=study))


def test_all_arms_are_scored_in_the_wording_that_the_sar_stages_are_taught(finished):
    """The embedded profile's coca-sar learns plain words: every annotation is the grammar's canonical caption."""
    world = world_of(finished.design, 9001)
    rows = read_rows(world.examination.shards("sar") / "index.parquet", SHARDS)
    plain = {row["image_id"]: canonical(from_json(row["facts"])) for row in rows if row["facts"]}
    for entry in finished.entries:
        if entry.cell.seed == 9001:
            for example in finished.result(entry.cell)["examination"]["examples"]:
                assert example["truth"] == plain[example["image_id"]]


def test_a_test_split_of_nothing_is_an_error(finished):
    world = world_of(finished.design, 9001)
    cell = next(entry.cell.parent for entry in finished.entries if entry.cell.parent)
    folder = finished.design.folder / f"seed-{cell.seed}" / "models"
    model = start(cell.name, folder, None, seed=1, side=64)
    with (
        Shards([world.examination.shards("sar")]) as shards,
        pytest.raises(TrainingError, match="holds no pair to score on"),
    ):
        examine(model, shards, {}, methods=("optical-rules",))


def test_real_corpora_are_shared_by_all_seeds(finished, tmp_path):
    """A project that was built before, as `make sample` leaves it: its shards are read, nothing is made in it."""
    built = tmp_path / "build" / "sample"
    shutil.copytree(world_of(finished.design, 9001).project.root, built)
    own = make_project(tmp_path / "own", fractions=[1.0], scenes={}, looks=None)
    content = yaml.safe_load((own.root / "params.yaml").read_text())
    captions = ["sim-ships", "sim-objects", "sim-landcover"]
    corpora = {name: corpus for name, corpus in content["corpora"].items() if name in {*captions, "sim-optical"}}
    content |= {"captions": captions, "corpora": corpora, "narrated": [], "optical_captions": []}
    (built / "params.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    before = times(built.rglob("*"))
    design = plan(Project(tmp_path), "sample")
    assert design.output == tmp_path / "build" / "study-sample"
    study = run_study(design)
    assert times(built.rglob("*")) == before
    roots = {world_of(design, seed).examination.root for seed in design.study.seeds}
    assert roots == {design.folder / "test"}
    write_page(study, write_tables(study))
    assert "real corpora" in (design.output / "index.html").read_text()


def test_a_sample_that_was_not_made_is_an_error(tmp_path):
    with pytest.raises(ParameterError, match="make sample"):
        plan(make_project(tmp_path), "sample")
