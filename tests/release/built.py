"""A small project, generated as the stages would leave it: images, indexes, splits, candidate and ledger."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from sartext.config import Project
from sartext.corpora.quarantine import Fault, write_quarantine
from sartext.files import read_json, write_json
from sartext.narrator.detail_grammar import detailed
from sartext.narrator.facts import Facts, ObjectFact, to_json
from sartext.narrator.realisation import realise
from sartext.release.assembly import assemble
from sartext.release.gate.running import evaluate
from sartext.release.gate.suite import Inputs
from sartext.release.gate.suites import SUITES
from sartext.release.identity import candidate_sha256
from sartext.release.publication import publish
from sartext.tables import INDEX, LEDGER, PAIRS, SPLITS, read_rows, write_table
from tests.release.indexed import catalogue, image_row

SIDE = 24
SPLIT_OF = ("train", "train", "train", "validation", "test")

Row = dict[str, Any]


@dataclass(frozen=True)
class Built:
    """A project folder and the changes that a test makes to it."""

    root: Path

    @property
    def project(self) -> Project:
        """The project with its parameters read anew."""
        return Project(self.root)

    @property
    def pairs_path(self) -> Path:
        return self.root / "build/candidate/pairs.parquet"

    @property
    def release(self) -> Path:
        """What was assembled."""
        return self.root / "build/release"

    @property
    def releases(self) -> Path:
        """What was published, a folder for each version."""
        return self.root / "releases/sar-text"

    def assemble(self) -> Path:
        """Give the candidate a verdict that passes and make the release of it; return its folder."""
        passed_verdict(self)
        assemble(self.project)
        return self.release

    def publish(self) -> Row:
        """Give the candidate a verdict that passes, make the release of it and publish that."""
        self.assemble()
        return publish(self.project)

    def pairs(self) -> list[Row]:
        return read_rows(self.pairs_path, PAIRS)

    def set_pairs(self, change: Callable[[list[Row]], list[Row]]) -> None:
        """Rewrite the candidate, and the ledger so that it agrees."""
        rows = change(self.pairs())
        write_table(self.pairs_path, PAIRS, rows)
        self.write_ledger()

    def set_pair(self, number: int, **values: object) -> str:
        """Change columns of one pair; return its image id."""
        self.set_pairs(lambda rows: [{**row, **values} if i == number else row for i, row in enumerate(rows)])
        return str(self.pairs()[number]["image_id"])

    def reword(self, number: int = 0) -> None:
        """Give a pair a caption of its own."""
        self.set_pair(number, caption=f"There is one ship in this SAR image, number {number}.")

    def parameters(self, **sections: object) -> None:
        path = self.root / "params.yaml"
        path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **sections}, sort_keys=False))

    def corpora(self) -> list[str]:
        return list(self.project.parameters.corpora)

    def write_ledger(self) -> None:
        released = {row["image_id"] for row in self.pairs()}
        ledger = []
        for name in self.corpora():
            for row in read_rows(self.root / f"build/corpus/{name}/index.parquet", INDEX):
                kept = row["image_id"] in released
                fate = ("released", "release", "") if kept else ("left out", "captions", "nothing to say")
                ledger.append((row["image_id"], name, row["path"], *fate))
            path = f"data/{name}/images/broken.png"
            ledger.append((f"{name}/broken", name, path, "left out", "corpus", "truncated-image"))
        rows = [dict(zip(LEDGER.names, row, strict=True)) for row in ledger]
        write_table(self.root / "build/ledger.parquet", LEDGER, rows)

    def add_corpus(
        self, name: str, count: int, seed: int, licence: str | None = "CC-BY-4.0", redistribution: bool = True
    ) -> None:
        """Append a corpus: its catalogue file, images, index, captions and splits."""
        entry = catalogue(name, licence, redistribution)
        path = self.root / "catalogue" / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(entry))
        listed = {corpus: {"catalogue": f"catalogue/{corpus}.yaml"} for corpus in [*self.corpora(), name]}
        self.parameters(corpora=listed, captions=list(listed))
        rng = np.random.default_rng(seed)
        pictures = [rng.integers(0, 200, (SIDE, SIDE), dtype=np.uint8) for _ in range(count)]
        index = [
            image_row(
                self.project, f"{name}/{number:04d}", pixels, folder="images", objects=boxes_of(facts_of(number))
            )
            for number, pixels in enumerate(pictures)
        ]
        write_table(self.root / f"build/corpus/{name}/index.parquet", INDEX, index)
        fault = Fault(f"data/{name}/images/broken.png", f"{name}/broken", "truncated-image", "", "image")
        write_quarantine(self.root / f"build/corpus/{name}/quarantine.csv", [fault])
        before = self.pairs() if self.pairs_path.is_file() else []
        added = [_pair(row, entry, number) for number, row in enumerate(index)]
        write_table(self.pairs_path, PAIRS, [*before, *added])
        splits = [{column.name: row.get(column.name, "hash") for column in SPLITS} for row in self.pairs()]
        write_table(self.root / "build/splits/splits.parquet", SPLITS, splits)
        self.write_ledger()


def facts_of(number: int) -> Facts:
    """One to nine ships, some of them in the center."""
    count = number % 9 + 1
    center = number % (count + 1)
    sizes = (count - count // 3, count // 3, 0)
    return Facts(objects=(ObjectFact("ship", "ship", "ships", count, center, count - center, sizes),))


def boxes_of(facts: Facts) -> list[Row]:
    """As many boxes of each class as the facts count, of three by four pixels."""
    labels = [fact.label for fact in facts.objects for _ in range(fact.count)]
    corners = [(7.0 * (place % 3) + 1, 7.5 * (place // 3) + 1) for place in range(len(labels))]
    return [
        {
            **{"label": label, "source_label": label, "angle": None, "difficulty": None},
            **{"xmin": left, "ymin": top, "xmax": left + 3, "ymax": top + 4},
        }
        for label, (left, top) in zip(labels, corners, strict=True)
    ]


def _pair(row: Row, entry: Row, number: int) -> Row:
    known = {name: row[name] for name in PAIRS.names if name in row}
    return {
        **known,
        "corpus": entry["name"],
        "split": SPLIT_OF[number % len(SPLIT_OF)],
        "caption": realise(facts_of(number), row["image_id"], 11)[0],
        "caption_detailed": detailed(facts_of(number), row["image_id"], 11),
        "method": "a2c",
        "method_version": "1",
        "facts": to_json(facts_of(number)),
        **dict.fromkeys(("source_caption", "model_sha256", "model", "prompt_sha256", "score", "proof")),
        "sensor": entry["sensor"],
        **dict.fromkeys(("group_id", "cluster_id"), row["image_id"]),
        "licence": entry.get("licence"),
        "redistribution": entry["redistribution"],
        "citation": entry["citation"],
        "source_url": entry["homepage"],
    }


def build(root: Path) -> Built:
    """Two corpora: one that may be given on, one whose licence is not stated."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "params.yaml").write_text("corpora: {}\nrelease: {rows_per_file: 10}\n")
    built = Built(root)
    built.add_corpus("alpha", 30, seed=1)
    built.add_corpus("beta", 10, seed=2, licence="not-stated", redistribution=False)
    return built


def passed_verdict(built: Built) -> None:
    """Write the verdict that the gate would give, without the seconds that it takes.

    For tests of what comes after the gate; tests of the gate run it.
    """
    row = {"name": "all is well", "severity": "critical", "passed": True, "status": "evaluated", "figure": 0}
    row |= {"unit": "pairs", "detail": "40 pairs checked"}
    suites = [{"name": name, "passed": True, "expectations": [row]} for name in SUITES.names]
    verdict = {"content_sha256": candidate_sha256(built.project), "passed": True, "suites": suites}
    write_json(built.root / "build/quality/gate.json", verdict)


def result(built: Built, suite: str) -> Row:
    """What the gate says of one suite."""
    return evaluate(SUITES[suite], Inputs(built.project))


def failed(built: Built, suite: str) -> dict[str, Row]:
    """The failed rows of one suite, by the name of the expectation."""
    return {row["name"]: row for row in result(built, suite)["expectations"] if not row["passed"]}


def outcome(built: Built, suite: str, expectation: str) -> Row:
    """The row of one expectation, evaluated alone."""
    whole = SUITES[suite]
    check = next(check for check in whole.checks if check.name == expectation)
    frames = tuple(frame for frame in whole.frames if frame.name == check.frame)
    alone = evaluate(replace(whole, frames=frames, checks=(check,)), Inputs(built.project))
    return dict(alone["expectations"][0])


def verdict(built: Built) -> Row:
    """What the gate wrote."""
    return read_json(built.root / "build/quality/gate.json")
