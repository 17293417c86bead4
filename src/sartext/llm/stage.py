"""The stage `rewritten`: optical captions of pairs, put into other words by a language model.

It captions the train split alone, beside the captions by rules, which stay for validation and test and wherever no
answer passes. What was asked before costs nothing: the answers lie outside of ``build/`` and are no out.
"""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from sartext.catalogue.entry import Entry
from sartext.catalogue.loading import find_entry
from sartext.config import Project, load_endpoint
from sartext.errors import CatalogueError, ParameterError
from sartext.llm.asking import Asker
from sartext.llm.checks import answer_problems
from sartext.llm.endpoint import Endpoint
from sartext.llm.journal import Journal
from sartext.llm.prompt import read_prompt
from sartext.llm.rewriting import Rewording, Rewriter, count_problems
from sartext.narrator.facts import Facts
from sartext.narrator.faithfulness import contradictions
from sartext.narrator.hidden_truth import optical_figures, read_truth
from sartext.narrator.methods import OPTICAL_LLM
from sartext.narrator.plain_english import sentences
from sartext.narrator.rewording import things
from sartext.narrator.rewriting import rewrite
from sartext.narrator.vocabulary import coarsest
from sartext.narrator.writing import write_captions
from sartext.release.inputs import read_index, train_ids

NOT_TRAINED = "captions by a language model enter the train split only; its caption is that by rules"
NO_CAPTION = "no optical caption"
UNFAITHFUL = "the caption does not quote its source"
EXAMPLES = 6

Row = Mapping[str, Any]


def rewrite_corpus(project: Project, corpus: str) -> dict[str, object]:
    """Write ``build/rewritten/<corpus>``: captions, why the other images got none, and metrics; return these.

    Raises:
        CatalogueError: the corpus has no pairs with optical captions.
        ParameterError: ``params.yaml`` does not say what is asked, or ``endpoint.yaml`` where.
        ArtefactError: index or splits are missing or damaged.
        EndpointError: the endpoint cannot be used, or another run is using the answers.
    """
    entry = find_entry(project, corpus)
    rewriting, endpoint = project.parameters.rewriting, load_endpoint(project.endpoint)
    if rewriting is None:
        raise ParameterError(
            "there is no section `rewriting`", where="params.yaml", way_out="add it, as docs/rewriting.md shows"
        )
    columns = ["image_id", "path", "width", "height", "modality", "captions", "paired_path"]
    rows = read_index(project, corpus).select(columns).to_pylist()
    sources, reasons = _sources(project, entry, rows)
    prompt = read_prompt(project, rewriting, coarsest(entry))
    judge = partial(
        answer_problems,
        resolution=prompt.resolution,
        length=project.parameters.gate.caption_words,
        least_kept=rewriting.least_kept,
    )
    folder = project.root / endpoint.cache / corpus
    with Journal(folder, rewriting.budget) as journal:
        asker = Asker(rewriting, Endpoint(endpoint), journal)
        rewriter = Rewriter(prompt, asker, judge, endpoint.concurrency)
        rewordings = rewriter.rewrite(sources.values(), f"rewriting of {corpus}")
        _tell(asker, journal)
    captions: list[dict[str, Any]] = []
    for image_id, source in sources.items():
        rewording = rewordings[source]
        facts = Facts(statements=tuple(sentences(rewording.text)), source_caption=source)
        if not rewording.text:
            reasons[image_id] = rewording.reason
        elif contradictions(rewording.text, facts.json, OPTICAL_LLM.name, entry):
            reasons[image_id] = UNFAITHFUL
        else:
            row = OPTICAL_LLM.caption_row(
                image_id,
                rewording.text,
                facts,
                source_caption=source,
                model=rewriting.model,
                prompt_sha256=prompt.sha256,
            )
            captions.append(row)
    metrics: dict[str, object] = {
        "corpus": corpus,
        "method": OPTICAL_LLM.name,
        "model": rewriting.model,
        "prompt_sha256": prompt.sha256,
        "images": len(captions) + len(reasons),
        "with_source": len(sources),
        "captions": len(captions),
        "uncaptioned": dict(sorted(Counter(reasons.values()).items())),
        **_figures(rewordings, prompt.resolution),
        "examples": [row["image_id"] for row in captions[:EXAMPLES]],
    }
    if (truth := read_truth(project, corpus)) is not None:  # nothing above may know it
        halves = {row["image_id"]: row for row in rows}
        captioned = [(halves[row["image_id"]], row["caption"]) for row in captions]
        metrics["hidden_truth"] = optical_figures(truth, captioned)
    write_captions(project.rewritten(corpus), captions, reasons, metrics)
    return metrics


def _sources(project: Project, entry: Entry, rows: Sequence[Row]) -> tuple[dict[str, str], dict[str, str]]:
    """The optical caption of each SAR image of the train split, by image id, and why the others have none.

    Of several captions it is the one that the rules would take.
    """
    captions = {row["path"]: row["captions"] for row in rows if row["modality"] == "optical" and row["captions"]}
    if not captions:
        raise CatalogueError(
            f"corpus '{entry.name}' has no pairs with optical captions",
            where="params.yaml: rewritten",
            way_out=f"take '{entry.name}' out of `rewritten`",
        )
    sar = [row for row in rows if row["modality"] == "sar"]
    trained = train_ids(project, sar)
    sources: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for row in sar:
        of_half = captions.get(row["paired_path"] or "")
        if not of_half:
            reasons[row["image_id"]] = NO_CAPTION
        elif row["image_id"] not in trained:
            reasons[row["image_id"]] = NOT_TRAINED
        else:
            sources[row["image_id"]] = rewrite(of_half, coarsest(entry)).source
    return sources, reasons


def _figures(rewordings: Mapping[str, Rewording], resolution: float) -> dict[str, object]:
    """What came of the optical captions, each counted once, and how faithful the answers that stand are."""
    accepted = {source: of.text for source, of in rewordings.items() if of.text}
    named = [things(source, resolution) for source in accepted]
    kept = [facts & things(text, resolution) for facts, text in zip(named, accepted.values(), strict=True)]
    by_rules = [
        facts & things(" ".join(rewrite([source], resolution).statements), resolution)
        for source, facts in zip(accepted, named, strict=True)
    ]
    of = sum(map(len, named))
    return {
        "sources": len(rewordings),
        "accepted": len(accepted),
        "accepted_at_once": sum(rewording.asked == 1 for rewording in rewordings.values() if rewording.text),
        "fallen_back": dict(sorted(Counter(of.reason for of in rewordings.values() if of.reason).items())),
        "problems": count_problems(rewordings.values()),
        "things_kept": round(sum(map(len, kept)) / of, 4) if of else None,
        "things_kept_by_rules": round(sum(map(len, by_rules)) / of, 4) if of else None,
        "distinct": len(set(accepted.values())),
    }


def _tell(asker: Asker, journal: Journal) -> None:
    """Say what this run sent and what was spent, which depends on the network's luck and so is no artefact."""
    sent = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(asker.outcomes.items()))
    spent = f"spent in all: {journal.requests:,} requests, {journal.tokens:,} tokens"
    damaged = f"; {journal.damaged:,} damaged lines passed over" if journal.damaged else ""
    sys.stderr.write(f"{sent or 'nothing sent: every answer was known'}; {spent}{damaged}\n")
