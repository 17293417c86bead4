"""The stage ``tokenizer``: trained on optical captions and on realised captions of SAR images."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow.compute as pc

from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.errors import ArtefactError, ModelError
from sartext.files import atomic_folder, write_json
from sartext.models.tokenizer import Tokenizer, train_tokenizer
from sartext.narrator.facts import Facts
from sartext.narrator.method import RowFacts, Tally
from sartext.narrator.realisation import realise
from sartext.narrator.stage import row_facts_of
from sartext.progress import track
from sartext.release.inputs import read_index
from sartext.tables import SPLITS, read_table

PARAPHRASES = 3
"""Realisations of the facts of each SAR image: training meets more of them than the one that is released."""

SILENT = ("captions", "unlabelled")
"""Kinds of corpora of which the grammar says nothing; the first have captions of their own."""


def make_tokenizer(project: Project) -> dict[str, object]:
    """Train the tokenizer on the train split alone, and write it to ``build/tokenizer``.

    The captions of optical images are taken as they stand; of annotated SAR images, and of pairs whose optical
    half has captions, up to three paraphrases of their facts. Validation and test are not read.

    Returns:
        Counts, the vocabulary that came out, and how long the texts are in tokens.

    Raises:
        ModelError: the train split holds no caption.
        ArtefactError: an index or the splits are missing or damaged.
    """
    train = _train(project)
    sources: dict[str, list[str]] = {}
    for name in project.parameters.corpora:
        rows = [row for row in read_index(project, name).to_pylist() if row["image_id"] in train]
        sources[name] = list(_texts(project, name, rows))
    texts = [text for corpus in sources.values() for text in corpus]
    if not texts:
        raise ModelError(
            "the train split holds no caption and no annotation: there is nothing to train a tokenizer on",
            where="params.yaml: corpora",
            way_out="list a corpus with captions or annotations, or one with more images",
        )
    parameters = project.parameters.tokenizer
    tokenizer = train_tokenizer(texts, parameters.vocabulary, parameters.context)
    metrics = _measure(tokenizer, sources)
    with atomic_folder(project.tokenizer) as folder:
        tokenizer.save(folder)
        write_json(folder / "metrics.json", metrics)
    return metrics


def _train(project: Project) -> set[str]:
    path = project.build / "splits" / "splits.parquet"
    if not path.is_file():
        raise ArtefactError("the splits are missing", where=path, way_out="run `sartext splits`")
    table = read_table(path, SPLITS)
    kept = table.filter(pc.equal(table.column("split"), "train"))
    return set(kept.column("image_id").to_pylist())


def _texts(project: Project, name: str, rows: list[dict[str, Any]]) -> Iterator[str]:
    entry = find_entry(project, name)
    row_facts = None
    if entry.kind not in SILENT:
        row_facts = row_facts_of(entry, project.corpus(name) / "index.parquet")
    seed, tally = project.parameters.narrator.seed, Tally()
    for row in track(rows, f"texts of {name}", len(rows)):
        if row["modality"] == "optical":
            yield from row["captions"]
        elif row_facts is not None:
            yield from _realised(row_facts, row, seed, tally)


def _realised(row_facts: RowFacts, row: Mapping[str, Any], seed: int, tally: Tally) -> list[str]:
    facts = row_facts(row, tally)
    return realise(facts, row["image_id"], seed, PARAPHRASES) if isinstance(facts, Facts) else []


def _measure(tokenizer: Tokenizer, sources: Mapping[str, list[str]]) -> dict[str, object]:
    lengths = {name: tokenizer.lengths(texts) for name, texts in sources.items() if texts}
    every = [length for corpus in lengths.values() for length in corpus]
    over = Counter({name: sum(length > tokenizer.context for length in each) for name, each in lengths.items()})
    return {
        "texts": len(every),
        "vocabulary": tokenizer.size,
        "context": tokenizer.context,
        "mean_tokens": round(sum(every) / len(every), 2),
        "longest": max(every),
        "over_context": sum(over.values()),
        "over_context_of": {name: count for name, count in over.items() if count},
    }
