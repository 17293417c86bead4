"""The stage `narrated`: an unlabelled corpus, captioned by the narrator; what passes its thresholds is kept."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sartext.captioner.acceptance import Decision, decide
from sartext.captioner.calibration import read_rules
from sartext.captioner.captioner import Captioner, ModelCaption, load_captioner
from sartext.captioner.corpus import TRAIN_ONLY, index_rows, pictures_of, train_ids, write_captions
from sartext.captioner.thresholds import Rules, released
from sartext.captioner.truth import measure, read_truth
from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.errors import CatalogueError
from sartext.narrator.facts import to_json
from sartext.narrator.faithfulness import contradictions
from sartext.narrator.methods import NARRATOR
from sartext.narrator.nouns import project_vocabulary
from sartext.narrator.realisation import canonical, realise

UNFAITHFUL = "the caption does not agree with its facts"
EXAMPLES = 6

Row = Mapping[str, Any]


@dataclass(frozen=True)
class NarratedImage:
    """An image of the train split, what the narrator wrote of it and what was decided."""

    row: Row
    caption: ModelCaption
    decision: Decision


def narrate(project: Project, corpus: str) -> dict[str, object]:
    """Write ``build/narrated/<corpus>`` (captions, uncaptioned images and metrics); return the counts.

    Raises:
        CatalogueError: the corpus has no SAR images.
        ArtefactError: index, splits, checkpoints or thresholds are missing or damaged, an image has gone, or the
            thresholds were found for another narrator.
    """
    entry = find_entry(project, corpus)
    rows = [row for row in index_rows(project, corpus) if row["modality"] == "sar"]
    if not rows:
        raise CatalogueError(
            f"corpus '{corpus}' has no SAR images to narrate",
            where="params.yaml: narrated",
            way_out=f"take '{corpus}' out of `narrated`",
        )
    trained = train_ids(project, rows)
    wanted = [row for row in rows if row["image_id"] in trained]
    captioner = load_captioner(project, "coca-sar")
    vocabulary = project_vocabulary(project)
    rules = read_rules(project, captioner)
    pictures = pictures_of(project, entry, wanted, f"narration of {corpus}")
    narrated: list[NarratedImage] = []
    captions: list[dict[str, Any]] = []
    reasons = {row["image_id"]: TRAIN_ONLY for row in rows if row["image_id"] not in trained}
    for row, written in zip(wanted, captioner.write_and_judge(pictures), strict=True):
        image = NarratedImage(row, written, decide(written, vocabulary, rules))
        caption = _caption(project, image, captioner)
        if isinstance(caption, str):
            reasons[row["image_id"]] = caption
            image = replace(image, decision=replace(image.decision, facts=None, reason=caption))
        else:
            captions.append(caption)
        narrated.append(image)
    metrics = _measure(corpus, narrated, captions, reasons, rules)
    if (truth := read_truth(project, corpus)) is not None:  # nothing above may know it
        decisions = [(image.row, image.decision) for image in narrated]
        metrics["hidden_truth"] = measure(truth, decisions, vocabulary)
    write_captions(project.narrated(corpus), captions, reasons, metrics)
    return {**metrics, "examples": _examples(captions)}


def _caption(project: Project, image: NarratedImage, captioner: Captioner) -> dict[str, Any] | str:
    """The row of an image's caption, or why it has none."""
    facts = image.decision.facts
    if facts is None:
        return image.decision.reason
    narrator, image_id = project.parameters.narrator, image.row["image_id"]
    text = realise(facts, image_id, narrator.seed)[0] if narrator.paraphrase else canonical(facts)
    if contradictions(text, to_json(facts), NARRATOR.name, None):
        return UNFAITHFUL
    return NARRATOR.caption_row(
        image_id,
        text,
        facts,
        source_caption=image.caption.text,
        model_sha256=captioner.coca.sha256,
        score=image.decision.score,
    )


def _measure(
    corpus: str,
    narrated: Sequence[NarratedImage],
    captions: Sequence[Row],
    reasons: Mapping[str, str],
    rules: Rules,
) -> dict[str, object]:
    stated: Counter[str] = Counter()
    released_count: Counter[str] = Counter()
    for image in narrated:
        for statement, accepted in image.decision.statements():
            stated[statement.kind] += 1
            released_count[statement.kind] += accepted
    return {
        "corpus": corpus,
        "method": NARRATOR.name,
        "images": len(captions) + len(reasons),
        "narrated": len(narrated),
        "captions": len(captions),
        "share_accepted": round(len(captions) / len(narrated), 4) if narrated else None,
        "uncaptioned": dict(sorted(Counter(reasons.values()).items())),
        "statements": {kind: {"said": stated[kind], "released": released_count[kind]} for kind in rules},
        "thresholds": {kind: released(rule) for kind, rule in rules.items()},
    }


def _examples(captions: Sequence[Row]) -> list[str]:
    return [row["image_id"] for row in captions[:: max(1, len(captions) // EXAMPLES)]][:EXAMPLES]
