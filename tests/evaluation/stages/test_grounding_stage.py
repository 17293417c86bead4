"""The stage ``evaluation@grounding`` on simulated corpora: a grounder's figures, computed in another way too."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.corpora.masks import squashed_mask
from sartext.errors import ArtefactError, EvaluationError
from sartext.evaluation.benchmarks import COLUMNS
from sartext.evaluation.details import COMMONEST
from sartext.evaluation.figures import read_figures
from sartext.evaluation.grounding import CoverFigures, DetectionFigures
from sartext.evaluation.stages import evaluate_task
from sartext.files import sha256_tree, write_json
from sartext.models.grounder.checkpoint import load_grounder, save_grounder, start_grounder
from sartext.models.grounder.evidence import MapModel
from sartext.models.grounder.maps import ground
from sartext.models.squashing import squash
from sartext.narrator.facts import from_json
from sartext.narrator.vocabulary import project_vocabulary
from sartext.release.pictures import SourcePictures
from sartext.tables import CAPTIONS, SPLITS, read_rows
from tests.evaluation.generated import find
from tests.evaluation.stages.project import Evaluation, evaluated
from tests.models.grounders import small_foundation
from tests.training.mini import beside, edit_parameters, mini_project_of, write_parameters

MAPS = MapModel({"": (1.0, 0.0)}, 0.02, (0.3, 0.02), {"": (1.0, 5.0)}, (5.0, -2.0))


@pytest.fixture(scope="module")
def grounded(tmp_path_factory):
    """A project with a release, a grounder that sees peaks everywhere, and what its maps mean."""
    built, root = mini_project_of(tmp_path_factory), tmp_path_factory.mktemp("grounded") / "project"
    small_foundation(root, "widths: [8, 16]\npyramid: 8\n")
    row = {"task": "grounding", "from": "grounder.yaml", "data": "build/shards/sar", "samples": 96}
    write_parameters(
        root, checkpoints={"grounder": {**row, "learning_rate": 0.001}}, evaluation={"resamples": 100}
    )
    project = beside(built, root, "data", "build/corpus")
    release(built, project)
    grounder = start_grounder(root / "grounder.yaml", project_vocabulary(project), side=64, seed=3)
    grounder.network.heat.bias.data.fill_(-0.5)
    folder = project.checkpoint("grounder")
    digest = save_grounder(grounder, folder)
    write_json(folder / "training.json", {"samples": 80, "model_sha256": digest, "checkpoint": row})
    record = {"grounder_sha256": digest, "maps": json.loads(json.dumps(MAPS.to_record()))}
    write_json(project.calibration / "thresholds.json", record)
    return project


def release(built: Project, project: Project) -> None:
    """Write the table of a release of every captioned image; its pictures are read from their sources."""
    splits = {row["image_id"]: row for row in read_rows(built.build / "splits" / "splits.parquet", SPLITS)}
    sources, rows = SourcePictures(built), []
    for corpus in built.parameters.captions:
        for caption in read_rows(built.captions(corpus) / "captions.parquet", CAPTIONS):
            image, split = sources.row(caption["image_id"]), splits[caption["image_id"]]
            row = {**image, **caption, "corpus": corpus, "source_path": image["path"], "image": None}
            row |= {name: split[name] for name in ("split", "group_id", "benchmark")}
            rows.append({name: row[name] for name in (*COLUMNS, "image")})
    folder = project.build / "release" / "data"
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "all.parquet")


@pytest.fixture(scope="module")
def evaluation(grounded) -> Evaluation:
    return evaluated(grounded, "grounding")


def test_it_is_the_same_to_the_byte_again_and_says_what_its_figures_are_of(evaluation: Evaluation) -> None:
    evaluation.check_bytes()
    variants = {variant.name: variant for variant in evaluation.details.variants}
    assert list(variants) == ["grounder", COMMONEST]
    assert (variants["grounder"].kind, variants["grounder"].samples) == ("grounder", 80)
    assert variants["grounder"].registered == "grounder" and variants["grounder"].stages == (
        "checkpoint@grounder",
    )
    assert variants[COMMONEST].blind
    assert {figure.variant for figure in evaluation.figures} == {*variants, f"grounder minus {COMMONEST}"}
    corpora = {figure.subset for figure in evaluation.figures if figure.subset.startswith("corpus:")}
    assert corpora == {"corpus:sim-landcover", "corpus:sim-objects", "corpus:sim-ships"}, "pairs are not annotated"


def test_the_figures_are_those_of_the_grounder_on_the_test_images(grounded, evaluation: Evaluation) -> None:
    grounder, sources = load_grounder(grounded.checkpoint("grounder")), SourcePictures(grounded)
    (path,) = (grounded.build / "release" / "data").glob("*.parquet")
    tested = [row for row in pq.read_table(path).to_pylist() if row["split"] == "test"]
    ships, cells, exact = DetectionFigures(), CoverFigures((*grounder.config.stuff, "")), []
    for row in tested:
        entry, image = find_entry(grounded, row["corpus"]), sources.row(row["image_id"])
        if row["corpus"] == "sim-pairs":
            continue
        (seen,) = ground(grounder, [squash(sources.read(row["image_id"]), 64)])
        boxes = [box for box in image["objects"] if box["label"] == "ship"]
        centres = [((box["xmin"] + box["xmax"]) / 2, (box["ymin"] + box["ymax"]) / 2) for box in boxes]
        scale = 64 / row["width"]
        ships.add(
            [(peak.score, (peak.x, peak.y)) for peak in seen.peaks if peak.label == "ship"],
            [(x * scale, y * scale) for x, y in centres],
            64,
        )
        mask = squashed_mask(grounded.root, image, entry, 64)
        if mask is not None:
            classes = {label: number for number, label in enumerate(cells.classes)}
            for value, kind in enumerate(entry.classes):
                if kind.stuff:
                    there = mask == value
                    named = seen.cover.argmax(axis=0).repeat(2, axis=0).repeat(2, axis=1)[there]
                    true = np.full(there.sum(), classes.get(kind.plural, classes.get(kind.noun, len(classes) - 1)))
                    cells.add(true, named)
        if row["corpus"] == "sim-ships":
            exact.append(sum(fact.count for fact in from_json(row["facts"]).objects))
    of_ships = find(evaluation.figures, "average_precision", "grounder", subset="class:ship")
    assert of_ships.value == pytest.approx(100 * ships.average_precision) and ships.average_precision > 0
    for key, value in cells.iou.items():
        if key:
            assert find(evaluation.figures, "mean_iou", "grounder", subset=f"class:{key}").value == pytest.approx(
                100 * value
            )
    train = [
        row for row in pq.read_table(path).to_pylist() if (row["split"], row["corpus"]) == ("train", "sim-ships")
    ]
    counts = [sum(fact.count for fact in from_json(row["facts"]).objects) for row in train]
    common = min(counts, key=lambda count: (-counts.count(count), count))
    blind = find(evaluation.figures, "exact_counts", COMMONEST, subset="corpus:sim-ships")
    assert blind.value == pytest.approx(100 * exact.count(common) / len(exact)) and blind.n == len(exact)


def test_what_each_image_adds_gives_the_figures(evaluation: Evaluation) -> None:
    rows = evaluation.rows("scores/release-test/grounder")
    for metric in ("exact_counts", "places_right", "share_error"):
        values = [float(row[metric]) for row in rows if row[metric]]
        assert 100 * np.mean(values) == pytest.approx(evaluation.find(metric, "grounder").value, abs=1e-3)


def test_a_missing_grounder_or_one_whose_maps_are_not_fitted_is_one_line(grounded) -> None:
    before = sha256_tree(grounded.evaluation("grounding")) if grounded.evaluation("grounding").exists() else None
    away = grounded.calibration.rename(grounded.calibration.with_name("away"))
    with pytest.raises(ArtefactError, match=r"thresholds are missing; run `sartext calibrate`"):
        evaluate_task(grounded, "grounding")
    away.rename(grounded.calibration)
    folder = grounded.checkpoint("grounder").rename(grounded.build / "away")
    with pytest.raises(ArtefactError, match=r"the grounder is not trained; run `sartext train grounder`"):
        evaluate_task(grounded, "grounding")
    folder.rename(grounded.checkpoint("grounder"))
    text = (grounded.root / "params.yaml").read_text()
    with pytest.raises(EvaluationError, match=r"there is no grounder to evaluate; list one, a row with `task"):
        evaluate_task(edit_parameters(grounded.root, checkpoints={}), "grounding")
    (grounded.root / "params.yaml").write_text(text)
    if before is not None:
        assert sha256_tree(grounded.evaluation("grounding")) == before
        assert read_figures(grounded.evaluation("grounding") / "figures.json")
