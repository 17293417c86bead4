"""The stage `optical-captions`: pairs whose optical half has no caption.

`coca-optical` captions the optical half, the rules of rewriting make the SAR caption, and CLIP-SAR says how well
it goes with the SAR half. Halves that go together worse than nearly all true validation pairs do (the quantile
`narration.pair_quantile` of their similarity, which the stage `calibration` states) disagree and are dropped.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sartext.captioner.acceptance import UNFINISHED
from sartext.captioner.calibration import THRESHOLDS, check_models, read_thresholds
from sartext.captioner.captioner import Captioner, Told, chunks, open_captioner
from sartext.captioner.corpus import TRAIN_ONLY, index_rows, pictures_of, train_ids, write_captions
from sartext.catalogue.entry import Entry
from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.errors import ArtefactError, CatalogueError
from sartext.narrator.facts import Facts, to_json
from sartext.narrator.faithfulness import contradictions
from sartext.narrator.realisation import canonical
from sartext.narrator.rewriting import OPTICAL_MODEL, coarsest, rewrite

DISAGREE = "the halves disagree: picture and caption are less alike than the stated threshold"
NO_HALF = "no optical half"
CAPTIONED_HALF = "its optical half has a caption by people; list the corpus in `captions`"
UNFAITHFUL = "the rewritten caption does not quote its source"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Pair:
    """The two halves of a pair, rows of the index."""

    sar: Row
    optical: Row


@dataclass(frozen=True)
class Rewritten:
    """A caption of a pair: what the model said of the optical half, and what is left of it for the SAR half."""

    pair: Pair
    told: Told
    facts: Facts

    @property
    def text(self) -> str:
        """The SAR caption."""
        return canonical(self.facts)


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
    wanted = [one for one in pairs if {one.sar["image_id"], one.optical["image_id"]} <= trained]
    captioner = open_captioner(project, "coca-optical")
    least = _least_similarity(project, captioner)
    asked = {one.sar["image_id"] for one in wanted}
    reasons = _without_a_half(project, corpus, rows)
    reasons |= {one.sar["image_id"]: TRAIN_ONLY for one in pairs if one.sar["image_id"] not in asked}
    dropped: Counter[str] = Counter()
    pictures = pictures_of(project, entry, [one.optical for one in wanted], f"optical captions of {corpus}")
    told = list(captioner.speak(pictures))
    rewritten = _rewrite(list(zip(wanted, told, strict=True)), coarsest(entry), reasons, dropped)
    similarities = _similarities(project, entry, rewritten, captioner)
    captions: list[dict[str, Any]] = []
    for one, similarity in zip(rewritten, similarities, strict=True):
        image_id = one.pair.sar["image_id"]
        if similarity < least:
            reasons[image_id] = DISAGREE
        elif contradictions(one.text, to_json(one.facts), OPTICAL_MODEL.name, entry):
            reasons[image_id] = UNFAITHFUL
        else:
            captions.append(_row(one, similarity, captioner))
    metrics = {
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
    write_captions(project.optical_captions(corpus), captions, reasons, metrics)
    return metrics


def _without_a_half(project: Project, corpus: str, rows: Sequence[Row]) -> dict[str, str]:
    """Why the other SAR images get no caption here."""
    halves = {row["path"]: row for row in rows if row["modality"] == "optical"}
    listed = corpus in project.parameters.captions
    reasons = {}
    for row in rows:
        half = halves.get(row["paired_path"] or "")
        if row["modality"] == "sar" and half is None:
            reasons[row["image_id"]] = NO_HALF
        elif row["modality"] == "sar" and half is not None and half["captions"] and not listed:
            reasons[row["image_id"]] = CAPTIONED_HALF
    return reasons


def uncaptioned_pairs(rows: Sequence[Row], entry: Entry) -> list[Pair]:
    """Return the pairs of a corpus whose optical half has no caption.

    Raises:
        CatalogueError: it has no pairs at all.
    """
    halves = {row["path"]: row for row in rows if row["modality"] == "optical"}
    pairs = [
        Pair(row, halves[row["paired_path"]])
        for row in rows
        if row["modality"] == "sar" and row["paired_path"] in halves
    ]
    if not pairs:
        raise CatalogueError(
            f"corpus '{entry.name}' has no SAR-optical pairs",
            where="params.yaml: optical_captions",
            way_out=f"take '{entry.name}' out of `optical_captions`",
        )
    return [one for one in pairs if not one.optical["captions"]]


def _least_similarity(project: Project, captioner: Captioner) -> float:
    record = read_thresholds(project)
    check_models(record, project, clip_sha256=captioner.clip.sha256)
    try:
        return float(record["pairs"]["similarity"])
    except (KeyError, TypeError, ValueError) as error:
        raise ArtefactError(
            f"no threshold of pairs ({error})",
            where=project.calibration / THRESHOLDS,
            way_out="run `sartext calibrate` again",
        ) from error


def _rewrite(
    told_of: Sequence[tuple[Pair, Told]], resolution: float, reasons: dict[str, str], dropped: Counter[str]
) -> list[Rewritten]:
    """Rewrite what is said of optical halves; add why one gets no caption, and the statements dropped."""
    found = []
    for pair, told in told_of:
        image_id = pair.sar["image_id"]
        if not told.finished:
            reasons[image_id] = UNFINISHED
            continue
        kept = rewrite([told.text], resolution)
        dropped.update(dict(kept.dropped))
        if kept.statements:
            facts = Facts(statements=kept.statements, source_caption=kept.source, dropped=kept.dropped)
            found.append(Rewritten(pair, told, facts))
        else:
            reasons[image_id] = f"no caption survives rewriting: {kept.main_reason}"
    return found


def _similarities(
    project: Project, entry: Entry, rewritten: Sequence[Rewritten], captioner: Captioner
) -> list[float]:
    halves = pictures_of(project, entry, [one.pair.sar for one in rewritten], f"halves of {entry.name}")
    found: list[float] = []
    for some in chunks(zip(halves, rewritten, strict=True), captioner.batch):
        found += captioner.similarities([half for half, _ in some], [one.text for _, one in some])
    return found


def _row(one: Rewritten, similarity: float, captioner: Captioner) -> dict[str, Any]:
    return {
        "image_id": one.pair.sar["image_id"],
        "caption": one.text,
        "method": OPTICAL_MODEL.name,
        "method_version": OPTICAL_MODEL.version,
        "facts": to_json(one.facts),
        "source_caption": one.told.text,
        "model_sha256": captioner.coca.sha256,
        "prompt_sha256": None,
        "score": similarity,
    }
