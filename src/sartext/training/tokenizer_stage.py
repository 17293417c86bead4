"""The stage ``tokenizer``: trained on optical captions and on realised captions of SAR images."""

from collections.abc import Iterator, Mapping
from typing import Any

from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.errors import ModelError
from sartext.files import atomic_folder, write_json
from sartext.models.tokenizer import Tokenizer, train_tokenizer
from sartext.narrator.facts import Facts, Tally
from sartext.narrator.realisation import realise
from sartext.narrator.stage import row_facts_of
from sartext.progress import track
from sartext.release.inputs import TRAIN, read_index, read_splits

PARAPHRASES = 3
"""Realisations of the facts of each SAR image: training meets more of them than the one that is released."""

SILENT = ("captions", "unlabelled")
"""Kinds of corpora of which the grammar says nothing; the first have captions of their own."""


def make_tokenizer(project: Project) -> dict[str, object]:
    """Train the tokenizer on the train split alone, and write it to ``build/tokenizer``.

    The captions of optical images are taken as they stand; of annotated SAR images, and of pairs whose optical
    half has captions, up to three paraphrases of their facts.

    Returns:
        Counts, the vocabulary that came out, and how long the texts are in tokens.

    Raises:
        ModelError: the train split holds no caption.
        ArtefactError: an index or the splits are missing or damaged.
    """
    train = {image_id for image_id, row in read_splits(project).items() if row["split"] == TRAIN}
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


def _texts(project: Project, name: str, rows: list[dict[str, Any]]) -> Iterator[str]:
    entry = find_entry(project, name)
    row_facts = None
    if entry.kind not in SILENT:
        row_facts = row_facts_of(entry, project.corpus(name) / "index.parquet")
    tally = Tally()
    for row in track(rows, f"texts of {name}", len(rows)):
        if row["modality"] == "optical":
            yield from row["captions"]
        elif row_facts is not None and isinstance(facts := row_facts(row, tally), Facts):
            yield from realise(facts, row["image_id"], project.parameters.narrator.seed, PARAPHRASES)


def _measure(tokenizer: Tokenizer, sources: Mapping[str, list[str]]) -> dict[str, object]:
    lengths = {name: tokenizer.lengths(texts) for name, texts in sources.items() if texts}
    every = [length for corpus in lengths.values() for length in corpus]
    over = {name: sum(length > tokenizer.context for length in each) for name, each in lengths.items()}
    return {
        "texts": len(every),
        "vocabulary": tokenizer.size,
        "context": tokenizer.context,
        "mean_tokens": round(sum(every) / len(every), 2),
        "longest": max(every),
        "over_context": sum(over.values()),
        "over_context_of": {name: count for name, count in over.items() if count},
    }
