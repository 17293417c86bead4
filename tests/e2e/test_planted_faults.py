"""Each kind of fault that the gate promises to find blocks the release, whichever way it is built."""

import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from sartext.tables import CAPTIONS, SPLITS, UNCAPTIONED, read_rows, write_table
from tests.e2e.conftest import ROUTES, Checkout

pytestmark = pytest.mark.e2e

Row = dict[str, Any]

SHIPS = ("build/captions/sim-ships/captions.parquet", CAPTIONS, "captions@sim-ships")


def edit(
    checkout: Checkout, path: str, schema: pa.Schema, stage: str, change: Callable[[list[Row]], None]
) -> None:
    """Change a stage's table and make DVC take it for the stage's own."""
    rows = read_rows(checkout.root / path, schema)
    change(rows)
    write_table(checkout.root / path, schema, rows)
    checkout.run("dvc", "commit", "--force", "--quiet", stage)


def a_colour_word(checkout: Checkout) -> None:
    edit(checkout, *SHIPS, lambda rows: rows[0].update(caption=rows[0]["caption"].replace("ship", "red ship", 1)))


def a_caption_that_contradicts_its_facts(checkout: Checkout) -> None:
    caption = "There are nineteen ships in this SAR image. They are all in the center."
    edit(checkout, *SHIPS, lambda rows: rows[0].update(caption=caption))


def a_duplicate_across_splits(checkout: Checkout) -> None:
    def change(rows: list[Row]) -> None:
        ships = [row for row in rows if row["image_id"].startswith("sim-ships/") and row["split"]]
        first = ships[0]
        other = next(row for row in ships if row["split"] != first["split"])
        other["cluster_id"] = first["cluster_id"]

    edit(checkout, "build/splits/splits.parquet", SPLITS, "splits", change)


def an_absent_licence(checkout: Checkout) -> None:
    path = checkout.root / "src/sartext/catalogue/sim-ships.yaml"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("licence:")))


def an_empty_table(checkout: Checkout) -> None:
    for name in checkout.parameters()["captions"]:
        folder = checkout.root / "build/captions" / name
        captioned = read_rows(folder / "captions.parquet", CAPTIONS)
        rows = [{"image_id": row["image_id"], "reason": "planted"} for row in captioned]
        rows += read_rows(folder / "uncaptioned.parquet", UNCAPTIONED)
        write_table(folder / "uncaptioned.parquet", UNCAPTIONED, rows)
        edit(checkout, f"build/captions/{name}/captions.parquet", CAPTIONS, f"captions@{name}", list.clear)


def a_corrupt_image(checkout: Checkout) -> None:
    """An image that rots after it was indexed; another threshold lets the gate look again."""
    path = sorted((checkout.root / "data/sim-ships/JPEGImages").glob("*.png"))[0]
    path.write_bytes(path.read_bytes()[:-200])
    checkout.run("sartext", "corpora", "pin")
    checkout.run("dvc", "commit", "--force", "--quiet", "corpus@sim-ships")
    content = checkout.parameters()
    content["gate"]["saturated_share"] = 0.49
    checkout.set_parameters(content)


def a_check_that_crashes(checkout: Checkout) -> None:
    path = checkout.root / "src/sartext/release/gate/suites/faithfulness.py"
    code = path.read_text()
    first = "        complaints = []\n"
    broken = code.replace(first, "        raise RuntimeError('out of order')\n" + first, 1)
    assert broken != code
    path.write_text(broken)


FAULTS: dict[str, tuple[Callable[[Checkout], None], str, str]] = {
    "a colour word": (a_colour_word, "captions", "evaluated"),
    "a caption that contradicts its facts": (a_caption_that_contradicts_its_facts, "faithfulness", "evaluated"),
    "a duplicate across splits": (a_duplicate_across_splits, "splits", "evaluated"),
    "an absent licence": (an_absent_licence, "provenance", "evaluated"),
    "an empty table": (an_empty_table, "schema", "evaluated"),
    "a corrupt image": (a_corrupt_image, "images", "evaluated"),
    "a check that crashes": (a_check_that_crashes, "faithfulness", "crashed"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_blocks_the_release(checkout: Checkout, fault: str) -> None:
    plant, suite, status = FAULTS[fault]
    releases, content, assembled = checkout.versions(), checkout.content_hash(), checkout.assembled()
    plant(checkout)
    # the gate judges a fault, whatever the route: by turns; a crash by all of them (the asset makes no gate anew)
    turn = ("job", "dvc repro")[[*FAULTS].index(fault) % 2]
    for route in ROUTES if status == "crashed" else (turn,):
        done = checkout.build(route)
        output = done.stdout + done.stderr
        assert done.returncode != 0, f"{route} released it\n{output[-4000:]}"
        assert "gate" in output, f"{route} refused for another reason\n{output[-4000:]}"
        assert checkout.assembled() in {None, assembled}, route
        assert checkout.versions() == releases, route
        assert checkout.content_hash() == content, route
    verdict = json.loads((checkout.root / "build/quality/gate.json").read_text())
    assert verdict["passed"] is False
    failed = {row["name"]: row for row in verdict["suites"] if not row["passed"]}
    rows = [row for row in failed[suite]["expectations"] if not row["passed"] and row["severity"] == "critical"]
    assert any(row["status"] == status for row in rows), rows
