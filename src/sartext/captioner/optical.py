"""The stage `optical-captions`: pairs whose optical half has no caption.

`coca-optical` captions the optical half, the rules of rewriting make the SAR caption, and CLIP-SAR says how well
it goes with the SAR half. Halves that go together worse than nearly all true validation pairs do (the quantile
`narration.pair_quantile` of their similarity, which the stage `calibration` states) disagree and are dropped. Of
the others the grounder proves or withholds each sentence on the SAR half.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sartext.captioner.calibrated import map_score, read_calibration
from sartext.captioner.captioner import UNFINISHED, Captioner, ModelCaption, batches, load_captioner
from sartext.captioner.corpus import TRAIN_ONLY, index_rows, pictures_of
from sartext.captioner.narrator import Narrator, load_project_grounder
from sartext.captioner.proof import BY_CAPTION, Decision, Proof
from sartext.catalogue.entry import Entry
from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.errors import ArtefactError, CatalogueError
from sartext.models.grounder.evidence import THRESHOLDS, read_thresholds
from sartext.narrator.facts import Facts, to_json
from sartext.narrator.faithfulness import contradictions
from sartext.narrator.hidden_truth import optical_figures, read_truth
from sartext.narrator.optical_statements import optical_statements
from sartext.narrator.realisation import canonical
from sartext.narrator.rewriting import OPTICAL_MODEL, rewrite
from sartext.narrator.vocabulary import coarsest, project_vocabulary
from sartext.narrator.writing import write_captions
from sartext.release.inputs import train_ids

DISAGREE = "the halves disagree: picture and caption are less alike than the stated threshold"
NO_HALF = "no optical half"
CAPTIONED_HALF = "its optical half has a caption by people; list the corpus in `captions`"
UNFAITHFUL = "the rewritten caption does not quote its source"
UNREAD = "states what the grounder has no class for"
UNPROVEN = "a statement is not proven by the grounder"
UNPROVEN_CAPTION = "no sentence is proven by the grounder"

Row = Mapping[str, Any]


class Pair(NamedTuple):
    """The two halves of a pair, rows of the index."""

    sar: Row
    optical: Row


class RewrittenPair(NamedTuple):
    """The SAR half of a pair, what the model wrote of the optical one, and facts and text left of that."""

    sar: Row
    source: str
    facts: Facts
    text: str


def caption_optical_halves(project: Project, corpus: str) -> dict[str, object]:
    """Write ``build/optical-captions/<corpus>``: captions, uncaptioned images and metrics; return the counts.

    Every SAR image has a row, or a reason; but one whose optical half has a caption by people belongs to the
    stage `captions` where the corpus is listed there.

    Raises:
        CatalogueError: the corpus has no pairs.
        ArtefactError: index, splits, checkpoints or thresholds are missing or damaged, an image has gone, or the
            thresholds were found for another CLIP.
    """
    entry = find_entry(project, corpus)
    rows = index_rows(project, corpus)
    pairs = uncaptioned_pairs(rows, entry)
    trained = train_ids(project, rows)
    wanted = [pair for pair in pairs if {pair.sar["image_id"], pair.optical["image_id"]} <= trained]
    captioner = load_captioner(project, "coca-optical")
    least = _least_similarity(project, captioner)
    wanted_ids = {pair.sar["image_id"] for pair in wanted}
    reasons = _without_a_half(project, corpus, rows)
    reasons |= {pair.sar["image_id"]: TRAIN_ONLY for pair in pairs if pair.sar["image_id"] not in wanted_ids}
    dropped: Counter[str] = Counter()
    pictures = pictures_of(project, entry, [pair.optical for pair in wanted], f"optical captions of {corpus}")
    written = list(zip(wanted, captioner.write(pictures), strict=True))
    rewritten = _rewrite(written, coarsest(entry), reasons, dropped)
    ids = [item.sar["image_id"] for item in rewritten]
    similarities = dict(zip(ids, _similarities(project, entry, rewritten, captioner), strict=True))
    reasons |= {image_id: DISAGREE for image_id in ids if similarities[image_id] < least}
    agreeing = [item for item in rewritten if item.sar["image_id"] not in reasons]
    proven = _prove(project, entry, agreeing, captioner, reasons=reasons, dropped=dropped)
    captions: list[dict[str, Any]] = []
    for item, proof in proven:
        image_id = item.sar["image_id"]
        if contradictions(item.text, to_json(item.facts), OPTICAL_MODEL.name, entry):
            reasons[image_id] = UNFAITHFUL
        else:
            row = OPTICAL_MODEL.caption_row(
                image_id,
                item.text,
                item.facts,
                source_caption=item.source,
                model_sha256=captioner.coca.sha256,
                score=similarities[image_id],
                proof=proof,
            )
            captions.append(row)
    metrics: dict[str, object] = {
        "corpus": corpus,
        "method": OPTICAL_MODEL.name,
        "images": len(captions) + len(reasons),
        "captioned_halves": len(wanted),
        "captions": len(captions),
        "share_accepted": round(len(captions) / len(wanted), 4) if wanted else None,
        "least_similarity": least,
        "uncaptioned": dict(sorted(Counter(reasons.values()).items())),
        "dropped_statements": dict(sorted(dropped.items())),
    }
    if (truth := read_truth(project, corpus)) is not None:  # nothing above may know it
        halves = {row["image_id"]: row for row in rows}
        captioned = [(halves[row["image_id"]], row["caption"]) for row in captions]
        metrics["hidden_truth"] = optical_figures(truth, captioned)
    write_captions(project.optical_captions(corpus), captions, reasons, metrics)
    return metrics


def _without_a_half(project: Project, corpus: str, rows: Sequence[Row]) -> dict[str, str]:
    """Why the other SAR images get no caption here."""
    halves = {row["path"]: row for row in rows if row["modality"] == "optical"}
    listed = corpus in project.parameters.captions
    reasons = {}
    for row in (row for row in rows if row["modality"] == "sar"):
        half = halves.get(row["paired_path"] or "")
        if half is None:
            reasons[row["image_id"]] = NO_HALF
        elif half["captions"] and not listed:
            reasons[row["image_id"]] = CAPTIONED_HALF
    return reasons


def uncaptioned_pairs(rows: Sequence[Row], entry: Entry) -> list[Pair]:
    """Return the pairs of a corpus whose optical half has no caption.

    Raises:
        CatalogueError: it has no pairs at all.
    """
    halves = {row["path"]: row for row in rows if row["modality"] == "optical"}
    sar = (row for row in rows if row["modality"] == "sar")
    pairs = [Pair(row, halves[row["paired_path"]]) for row in sar if row["paired_path"] in halves]
    if not pairs:
        raise CatalogueError(
            f"corpus '{entry.name}' has no SAR-optical pairs",
            where="params.yaml: optical_captions",
            way_out=f"take '{entry.name}' out of `optical_captions`",
        )
    return [pair for pair in pairs if not pair.optical["captions"]]


def _least_similarity(project: Project, captioner: Captioner) -> float:
    record = read_thresholds(project.calibration, clip=captioner.clip.sha256)
    try:
        return float(record["pairs"]["similarity"])
    except (KeyError, TypeError, ValueError) as error:
        raise ArtefactError(
            f"no threshold of pairs ({error})",
            where=project.calibration / THRESHOLDS,
            way_out="run `sartext calibrate` again",
        ) from error


def _rewrite(
    captions: Sequence[tuple[Pair, ModelCaption]],
    resolution: float,
    reasons: dict[str, str],
    dropped: Counter[str],
) -> list[RewrittenPair]:
    """Rewrite captions of optical halves; add why a pair gets no caption, and the statements dropped."""
    pairs = []
    for pair, caption in captions:
        image_id = pair.sar["image_id"]
        if not caption.finished:
            reasons[image_id] = UNFINISHED
            continue
        rewritten = rewrite([caption.text], resolution)
        dropped.update(dict(rewritten.dropped))
        if isinstance(rewritten.facts, Facts):
            facts = rewritten.facts
            pairs.append(RewrittenPair(pair.sar, caption.text, facts, canonical(facts)))
        else:
            reasons[image_id] = rewritten.facts
    return pairs


def _prove(
    project: Project,
    entry: Entry,
    rewritten: Sequence[RewrittenPair],
    captioner: Captioner,
    *,
    reasons: dict[str, str],
    dropped: Counter[str],
) -> list[tuple[RewrittenPair, str]]:
    """Keep the sentences of which the grounder proves every statement on the SAR half, with their proofs.

    That the caption says so counts for nothing: it was taught on optical images. A sentence of which something has
    no class that could be proven is withheld too.
    """
    narrator = Narrator(captioner, load_project_grounder(project))
    calibration = read_calibration(
        project.calibration, clip=captioner.clip.sha256, grounder=narrator.grounder.sha256
    )
    rules, vocabulary = calibration.rules_on(entry.sensors), project_vocabulary(project)
    halves = pictures_of(project, entry, [item.sar for item in rewritten], f"grounding of {entry.name}")
    proven = []
    for item, grounding in zip(rewritten, narrator.ground(halves), strict=True):
        kept: list[str] = []
        proofs: list[Proof] = []
        for sentence in item.facts.statements:
            reading = optical_statements(sentence, vocabulary)
            scored = [(each, map_score(each, grounding, calibration)) for each in reading.statements]
            if reading.unread or not scored:
                dropped[UNREAD] += 1
            elif not all(rules[each.kind].accepts(each.label, score) for each, score in scored):
                dropped[UNPROVEN] += 1
            else:
                kept.append(sentence)
                proofs += [Proof(each, score, BY_CAPTION) for each, score in scored]
        if kept:
            facts = replace(item.facts, statements=tuple(kept))
            proof = Decision(proofs=tuple(proofs)).record(narrator.grounder.sha256)
            proven.append((item._replace(facts=facts, text=canonical(facts)), proof))
        else:
            reasons[item.sar["image_id"]] = UNPROVEN_CAPTION
    return proven


def _similarities(
    project: Project, entry: Entry, rewritten: Sequence[RewrittenPair], captioner: Captioner
) -> list[float]:
    halves = pictures_of(project, entry, [item.sar for item in rewritten], f"halves of {entry.name}")
    similarities: list[float] = []
    for batch in batches(zip(halves, rewritten, strict=True), captioner.batch):
        similarities += captioner.similarities([half for half, _ in batch], [item.text for _, item in batch])
    return similarities
