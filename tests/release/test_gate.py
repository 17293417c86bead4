"""The gate: a sound candidate passes, and each planted fault is found by the expectation that promises it."""

import hashlib
import importlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from sartext.catalogue.entry import Entry
from sartext.errors import ArtefactError, GateError
from sartext.release.assembly import assemble
from sartext.release.gate import run_gate, validation
from sartext.release.gate.checks import Suite
from sartext.release.gate.images import outside
from sartext.release.gate.inputs import Inputs
from sartext.release.gate.pictures import look, masks_of
from sartext.release.gate.running import evaluate
from sartext.release.gate.suites import SUITES
from sartext.release.gate.validation import open_context
from sartext.release.gate.verdict import candidate_sha256, require_passed
from sartext.tables import LEDGER, PAIRS, SPLITS, read_rows, write_table
from tests.release.built import SIDE, Built, build, catalogue, passed_verdict

Outcome = dict[str, Any]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("gate") / "project").root


@pytest.fixture
def built(model: Path, tmp_path: Path) -> Built:
    root = tmp_path / "project"
    shutil.copytree(model, root)
    return Built(root)


def result(built: Built, suite: str) -> Outcome:
    """What the gate says of one suite."""
    return dict(evaluate(open_context(), suite, Inputs(built.project)))


def failed(built: Built, suite: str) -> dict[str, Outcome]:
    """The failed rows of one suite, by the name of the expectation."""
    return {row["name"]: row for row in result(built, suite)["expectations"] if not row["passed"]}


def outcome(built: Built, suite: str, expectation: str) -> Outcome:
    """The row of one expectation, evaluated alone."""
    whole: Suite = importlib.import_module(f"sartext.release.gate.{suite}").SUITE
    check = next(check for check in whole.checks if check.name == expectation)
    frames = tuple(frame for frame in whole.frames if frame.name == check.frame)
    alone = validation.evaluate(open_context(), Suite(suite, frames, (check,)), Inputs(built.project))
    return dict(alone["expectations"][0])  # type: ignore[index]


def verdict(built: Built) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((built.root / "build/quality/gate.json").read_text())
    return content


def test_a_sound_candidate_passes_every_suite(built: Built) -> None:
    metrics = run_gate(built.project)
    assert metrics["passed"] is True
    assert metrics["failed"] == []
    written = verdict(built)
    assert [suite["name"] for suite in written["suites"]] == list(SUITES)
    assert all(suite["passed"] and suite["expectations"] for suite in written["suites"])
    rows = [row for suite in written["suites"] for row in suite["expectations"]]
    assert {row["status"] for row in rows} == {"evaluated"}
    judged = [row for row in rows if not row["detail"].startswith("not judged")]
    unjudged = ["captions"] * 3 + ["narration"] * 6
    assert [
        suite["name"] for suite in written["suites"] for row in suite["expectations"] if row not in judged
    ] == (unjudged), "few captions, and none by a model"
    assert all(isinstance(row["figure"], int | float) and row["unit"] for row in judged)
    assert (built.root / "build/docs/index.html").is_file()
    first = (built.root / "build/quality/gate.json").read_bytes()
    run_gate(built.project)
    assert (built.root / "build/quality/gate.json").read_bytes() == first
    assert str(built.root).encode() not in first


# --- one fault of each kind, and the expectation that finds it ---


def caption(text: str) -> Callable[[Built], object]:
    return lambda built: built.set_pair(3, caption=text)


def another_count(built: Built) -> None:
    row = built.pairs()[0]
    assert "one ship" in row["caption"]
    built.set_pair(0, caption=row["caption"].replace("one ship", "two ships"))


def one_pattern(built: Built) -> None:
    built.parameters(gate={"sentence_pattern_share": 0.5})
    built.add_corpus("gamma", 120, seed=3)

    def say_the_same(rows: list[Outcome]) -> list[Outcome]:
        return [{**row, "caption": "There are two ships in this SAR image."} for row in rows]

    built.set_pairs(say_the_same)


def one_caption_of_no_objects(built: Built) -> None:
    built.add_corpus("gamma", 120, seed=3)
    nothing = '{"cover":[],"dropped":{},"objects":[],"scene":"open water","source_caption":null,"statements":[]}'

    def empty_some(rows: list[Outcome]) -> list[Outcome]:
        text = "This SAR image shows open water."
        return [{**row, "caption": text, "facts": nothing} if i % 20 == 0 else row for i, row in enumerate(rows)]

    built.set_pairs(empty_some)


def image_file(change: Callable[[bytes], bytes]) -> Callable[[Built], object]:
    def damage(built: Built) -> None:
        path = built.root / built.pairs()[2]["path"]
        path.write_bytes(change(path.read_bytes()))

    return damage


def grey(value: int) -> Callable[[Built], object]:
    def paint(built: Built) -> None:
        path = built.root / built.pairs()[2]["path"]
        picture = Image.new("L", (SIDE, SIDE), value)
        picture.putpixel((0, 0), value if value < 255 else 3)
        picture.save(path)

    return paint


def in_two_splits(column: str) -> Callable[[Built], object]:
    def join(built: Built) -> None:
        rows = built.pairs()
        train = next(row for row in rows if row["split"] == "train")
        number = next(i for i, row in enumerate(rows) if row["split"] == "test")
        built.set_pair(number, **{column: train[column]})

    return join


def split_table(change: Callable[[Outcome], Outcome]) -> Callable[[Built], object]:
    def rewrite(built: Built) -> None:
        path = built.root / "build/splits/splits.parquet"
        rows = read_rows(path, SPLITS)
        write_table(path, SPLITS, [change(rows[0]), *rows[1:]])

    return rewrite


def ledger(change: Callable[[list[Outcome]], list[Outcome]]) -> Callable[[Built], object]:
    def rewrite(built: Built) -> None:
        path = built.root / "build/ledger.parquet"
        write_table(path, LEDGER, change(read_rows(path, LEDGER)))

    return rewrite


def without_column(name: str) -> Callable[[Built], object]:
    return lambda built: pq.write_table(pq.read_table(built.pairs_path).drop_columns([name]), built.pairs_path)


def twice(built: Built) -> None:
    rows = built.pairs()
    write_table(built.pairs_path, PAIRS, [rows[0], *rows])


FAULTS: dict[str, tuple[str, str, Callable[[Built], object]]] = {
    "a column is gone": ("schema", "declared columns, in order", without_column("score")),
    "an id stands twice": ("schema", "unique image ids", twice),
    "an optical image": ("schema", "SAR images only", lambda built: built.set_pair(0, modality="optical")),
    "too few pairs": ("schema", "enough pairs", lambda built: built.parameters(gate={"minimum_pairs": 41})),
    "a source without a fate": ("ledger", "sources are released or left out", ledger(lambda rows: rows[1:])),
    "a pair that is left out": (
        "ledger",
        "every pair is released in the ledger",
        ledger(lambda rows: [{**rows[0], "fate": "left out", "stage": "splits", "reason": "x"}, *rows[1:]]),
    ),
    "left out without a reason": (
        "ledger",
        "fates and reasons",
        ledger(lambda rows: [{**row, "reason": ""} for row in rows]),
    ),
    "a colour word": ("captions", "no colour words", caption("There is one white ship in this SAR image.")),
    "a weather word": ("captions", "no weather words", caption("There is one ship under the clouds.")),
    "a flood": ("captions", "no words that no mask proves", caption("The field is flooded in this SAR image.")),
    "an unfinished sentence": ("captions", "finished sentences", caption("There is one ship in the.")),
    "no full stop": ("captions", "finished sentences", caption("There is one ship in this SAR image")),
    "brackets": ("captions", "plain English", caption("There is one ship (small) in this SAR image.")),
    "a percent sign": ("captions", "plain English", caption("Water covers 40 % of this SAR image.")),
    "another language": ("captions", "plain English", caption("Ein Schiff liegt hier.")),
    "too short": ("captions", "length in words", caption("A ship.")),
    "one sentence pattern": ("captions", "share of one sentence pattern", one_pattern),
    "one caption of no objects": ("captions", "share of one caption of no objects", one_caption_of_no_objects),
    "a caption against its facts": ("faithfulness", "captions agree with their facts", another_count),
    "a truncated image": ("images", "every image decodes", image_file(lambda content: content[:90])),
    "no image": ("images", "every image decodes", image_file(lambda content: b"")),
    "another image": ("images", "the pixels that were indexed", grey(9)),
    "a constant image": ("images", "no constant image", grey(9)),
    "a saturated image": ("images", "no saturated image", grey(255)),
    "a tiny image": ("images", "long enough sides", lambda built: built.set_pair(0, width=3)),
    "a cluster in two splits": ("splits", "no near-duplicates in two splits", in_two_splits("cluster_id")),
    "a group in two splits": ("splits", "no group in two splits", in_two_splits("group_id")),
    "equal pixels in two splits": ("splits", "no equal pixels in two splits", in_two_splits("pixels_sha256")),
    "a benchmark image in train": (
        "splits",
        "no benchmark image in train",
        lambda built: built.set_pair(0, benchmark="ssdd-test"),
    ),
    "a split of another name": ("splits", "known split names", lambda built: built.set_pair(0, split="dev")),
    "another split than decided": (
        "splits",
        "as the split table decided",
        split_table(lambda row: {**row, "split": "test"}),
    ),
    "an absent licence": ("provenance", "licence", lambda built: built.set_pair(0, licence=None)),
    "a blank licence": ("provenance", "licence", lambda built: built.set_pair(0, licence=" ")),
    "no citation": (
        "provenance",
        "citation, source address and sensor",
        lambda built: built.set_pair(0, citation=""),
    ),
    "an unknown method": ("provenance", "known caption method", lambda built: built.set_pair(0, method="magic")),
    "a model's caption in test": (
        "provenance",
        "model captions only in train",
        lambda built: built.set_pair(4, method="narrator", model_sha256="0" * 64),
    ),
    "a hash that is none": ("provenance", "hashes", lambda built: built.set_pair(0, sha256="abc")),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(built: Built, fault: str) -> None:
    suite, expectation, plant = FAULTS[fault]
    assert outcome(built, suite, expectation)["passed"] is True
    plant(built)
    row = outcome(built, suite, expectation)
    assert (row["passed"], row["severity"], row["status"]) == (False, "critical", "evaluated")
    assert row["figure"] is not None
    assert row["detail"]


def test_a_share_of_few_captions_is_not_judged_and_says_so(built: Built) -> None:
    share = "share of one sentence pattern"
    row = outcome(built, "captions", share)
    assert (row["passed"], row["figure"], row["detail"]) == (
        True,
        None,
        "not judged: fewer than 100 captions by rules",
    )
    built.add_corpus("gamma", 120, seed=4)
    row = outcome(built, "captions", share)
    assert row["figure"] is not None
    assert "alpha, beta not judged: fewer than 100 captions by rules" in row["detail"]


def test_the_image_at_fault_is_named(built: Built) -> None:
    image_id = built.set_pair(3, caption="There is one white ship in this SAR image.")
    assert f"{image_id}: white" in outcome(built, "captions", "no colour words")["detail"]


def test_a_licence_that_is_not_stated_is_no_fault(built: Built) -> None:
    assert "not-stated" in {row["licence"] for row in built.pairs()}
    assert failed(built, "provenance") == {}


def test_a_count_that_differs_from_the_published_one_only_warns(built: Built) -> None:
    path = built.root / "catalogue/alpha.yaml"
    path.write_text(path.read_text() + "published: {images: 1160}\n")
    ledger_suite = result(built, "ledger")
    row = ledger_suite["expectations"][-1]
    assert (row["name"], row["passed"], row["severity"], row["figure"]) == (
        "published counts",
        False,
        "warning",
        1,
    )
    assert "31 images here, 1,160 published" in row["detail"]
    assert ledger_suite["passed"] is True


def landcover(root: Path, level: float) -> tuple[Entry, Outcome]:
    """A calibrated corpus of one float image in dB, at a level, whose mask says water on the left half."""
    folder = root / "data/cover"
    folder.mkdir(parents=True)
    Image.fromarray(np.full((SIDE, SIDE), level, dtype=np.float32) + np.eye(SIDE, dtype=np.float32)).save(
        folder / "one.tif"
    )
    mask = np.zeros((SIDE, SIDE), dtype=np.uint8)
    mask[:, : SIDE // 2] = 1
    Image.fromarray(mask).save(folder / "one_mask.png")
    water = {"label": "water", "noun": "water", "plural": "water", "hypernym": "water", "stuff": True, "code": 1}
    land = {"label": "land", "noun": "land", "plural": "land", "hypernym": "land", "stuff": True, "code": 0}
    entry = Entry.model_validate(
        {
            **catalogue("cover"),
            "kind": "segmentation",
            "images": ["*.tif"],
            "annotations": {"format": "mask", "image": r"(.*)\.tif$", "file": r"\1_mask.png"},
            "quantity": "db",
            "calibrated": True,
            "classes": [{**water, "db_range": (-25, -15)}, land],
        }
    )
    row = {"image_id": "cover/one", "corpus": "cover", "path": "data/cover/one.tif", "quantity": "db"}
    return entry, {**row, "db_low": -25.0, "db_high": 0.0}


@pytest.mark.parametrize(("level", "complaint"), [(-20.0, ""), (-8.0, "water -8.0 dB, expected -25 to -15")])
def test_the_mean_backscatter_of_a_class_is_taken_under_its_mask(
    tmp_path: Path, level: float, complaint: str
) -> None:
    entry, row = landcover(tmp_path, level)
    row["mask"] = masks_of(tmp_path, entry, [row["path"]])[row["path"]]
    seen = look(tmp_path, {"cover": entry}, row)
    total, count = seen.backscatter["water"]
    assert count == SIDE * SIDE // 2
    assert total / count == pytest.approx(level, abs=0.1)
    assert seen.backscatter.keys() == {"water"}
    assert outside(entry, {"water": (total, count)}) == complaint


def test_an_empty_table_fails_every_suite_that_looks_at_pairs(built: Built) -> None:
    built.set_pairs(lambda rows: [])
    metrics = run_gate(built.project)
    assert metrics["passed"] is False
    written = {suite["name"]: suite for suite in verdict(built)["suites"]}
    assert not any(suite["passed"] for suite in written.values() if suite["name"] not in {"ledger", "narration"})
    statuses = {row["status"] for row in written["captions"]["expectations"]}
    assert statuses == {"missing"}
    with pytest.raises(GateError, match="enough pairs"):
        assemble(built.project)


DAMAGED = {
    "splits": ("build/splits/splits.parquet", "no group in two splits"),
    "images": ("build/corpus/alpha/index.parquet", "the pixels that were indexed"),
    "ledger": ("build/corpus/alpha/quarantine.csv", "sources are released or left out"),
    "faithfulness": ("catalogue/alpha.yaml", "captions agree with their facts"),
}


@pytest.mark.parametrize("suite", DAMAGED)
def test_a_check_whose_input_cannot_be_read_crashes_and_blocks(built: Built, suite: str) -> None:
    path, expectation = DAMAGED[suite]
    (built.root / path).write_bytes(b"\x00 not what it should be")
    found = result(built, suite)
    row = next(row for row in found["expectations"] if row["name"] == expectation)
    assert (row["severity"], row["status"], row["figure"]) == ("critical", "crashed", None)
    assert found["passed"] is False


def test_a_crashed_warning_blocks_too(built: Built) -> None:
    (built.root / "catalogue/alpha.yaml").write_text("{")
    row = outcome(built, "ledger", "published counts")
    assert (row["passed"], row["severity"], row["status"]) == (False, "critical", "crashed")


def test_a_measure_without_a_value_is_missing(built: Built) -> None:
    table = pq.read_table(built.pairs_path)
    nulled = table.set_column(
        table.schema.get_field_index("modality"), "modality", [["sar"] * (len(table) - 1) + [None]]
    )
    pq.write_table(nulled, built.pairs_path)
    row = failed(built, "schema")["SAR images only"]
    assert (row["status"], row["severity"]) == ("missing", "critical")
    assert "1 of 40 pairs have no value" in row["detail"]
    assert "no nulls where a value is required" in failed(built, "schema")


# --- the verdict and what obeys it ---


def test_a_failed_verdict_is_data_and_the_release_refuses_it(built: Built) -> None:
    built.set_pair(3, caption="There is one white ship in this SAR image.")
    metrics = run_gate(built.project)
    assert metrics["passed"] is False
    with pytest.raises(GateError, match=r"captions\.no colour words.*white"):
        assemble(built.project)
    assert not (built.root / "build/release").exists()


def test_a_missing_verdict_is_refused(built: Built) -> None:
    with pytest.raises(GateError, match="has not been checked; run `sartext quality`"):
        assemble(built.project)


def test_a_foreign_verdict_is_refused(built: Built) -> None:
    passed_verdict(built)
    require_passed(built.project)
    built.set_pair(0, caption="There is one ship in this SAR image, elsewhere.")
    with pytest.raises(GateError, match="about another candidate"):
        assemble(built.project)


def test_a_verdict_that_lacks_a_suite_is_refused(built: Built) -> None:
    passed_verdict(built)
    content = verdict(built)
    content["suites"] = [suite for suite in content["suites"] if suite["name"] != "splits"]
    (built.root / "build/quality/gate.json").write_text(json.dumps(content))
    with pytest.raises(GateError, match="lacks the results of splits"):
        require_passed(built.project)


def test_the_hash_of_a_candidate_is_of_its_content_not_of_its_bytes(built: Built) -> None:
    before = candidate_sha256(built.project)
    bytes_before = hashlib.sha256(built.pairs_path.read_bytes()).hexdigest()
    pq.write_table(pq.read_table(built.pairs_path), built.pairs_path, compression="gzip", row_group_size=7)
    assert hashlib.sha256(built.pairs_path.read_bytes()).hexdigest() != bytes_before
    assert candidate_sha256(built.project) == before
    built.set_pair(0, score=0.5)
    assert candidate_sha256(built.project) != before


def test_the_hash_of_a_candidate_covers_its_ledger(built: Built) -> None:
    before = candidate_sha256(built.project)
    ledger(lambda rows: [{**rows[0], "reason": "another"}, *rows[1:]])(built)
    assert candidate_sha256(built.project) != before


def test_without_a_candidate_there_is_no_verdict(built: Built) -> None:
    built.pairs_path.unlink()
    with pytest.raises(ArtefactError, match="the candidate is missing"):
        run_gate(built.project)
    assert not (built.root / "build/quality/gate.json").exists()


def test_the_index_of_an_unlisted_corpus_is_refused(built: Built) -> None:
    (built.root / "build/corpus/gone").mkdir()
    with pytest.raises(ArtefactError, match=r"gone.*sartext prune"):
        run_gate(built.project)
