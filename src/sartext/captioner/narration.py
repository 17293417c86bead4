"""The stage `narrated`: an unlabelled corpus, captioned by the narrator; what passes its thresholds is kept."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sartext.captioner.acceptance import Decision, decide
from sartext.captioner.calibration import read_rules
from sartext.captioner.captioner import Captioner, Told, open_captioner
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
class Narrated:
    """An image of the train split, what the narrator said of it and what was decided."""

    row: Row
    told: Told
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
    captioner = open_captioner(project, "coca-sar")
    vocabulary = project_vocabulary(project)
    rules = read_rules(project, captioner)
    pictures = pictures_of(project, entry, wanted, f"narration of {corpus}")
    told = captioner.caption(pictures)
    narrated: list[Narrated] = []
    captions: list[dict[str, Any]] = []
    reasons = {row["image_id"]: TRAIN_ONLY for row in rows if row["image_id"] not in trained}
    for row, said in zip(wanted, told, strict=True):
        one = Narrated(row, said, decide(said, vocabulary, rules))
        caption = _caption(project, one, captioner)
        if isinstance(caption, str):
            reasons[row["image_id"]] = caption
            one = replace(one, decision=replace(one.decision, facts=None, reason=caption))
        else:
            captions.append(caption)
        narrated.append(one)
    metrics = _measure(corpus, narrated, captions, reasons, rules)
    if (truth := read_truth(project, corpus)) is not None:  # nothing above may know it
        decisions = [(one.row, one.decision) for one in narrated]
        metrics["hidden_truth"] = measure(truth, decisions, vocabulary)
    write_captions(project.narrated(corpus), captions, reasons, metrics)
    return {**metrics, "examples": _examples(captions)}


def _caption(project: Project, one: Narrated, captioner: Captioner) -> dict[str, Any] | str:
    """The row of an image's caption, or why it has none."""
    facts = one.decision.facts
    if facts is None:
        return one.decision.reason
    narrator, image_id = project.parameters.narrator, one.row["image_id"]
    text = realise(facts, image_id, narrator.seed)[0] if narrator.paraphrase else canonical(facts)
    if contradictions(text, to_json(facts), NARRATOR.name, None):
        return UNFAITHFUL
    return {
        "image_id": image_id,
        "caption": text,
        "method": NARRATOR.name,
        "method_version": NARRATOR.version,
        "facts": to_json(facts),
        "source_caption": one.told.text,
        "model_sha256": captioner.coca.sha256,
        "prompt_sha256": None,
        "score": one.decision.score,
    }


def _measure(
    corpus: str,
    narrated: Sequence[Narrated],
    captions: Sequence[Row],
    reasons: Mapping[str, str],
    rules: Rules,
) -> dict[str, object]:
    said: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    for one in narrated:
        for statement, accepted in one.decision.statements():
            said[statement.kind] += 1
            kept[statement.kind] += accepted
    return {
        "corpus": corpus,
        "method": NARRATOR.name,
        "images": len(captions) + len(reasons),
        "narrated": len(narrated),
        "captions": len(captions),
        "share_accepted": round(len(captions) / len(narrated), 4) if narrated else None,
        "uncaptioned": dict(sorted(Counter(reasons.values()).items())),
        "statements": {kind: {"said": said[kind], "released": kept[kind]} for kind in rules},
        "thresholds": {kind: released(rule) for kind, rule in rules.items()},
    }


def _examples(captions: Sequence[Row]) -> list[str]:
    return [row["image_id"] for row in captions[:: max(1, len(captions) // EXAMPLES)]][:EXAMPLES]
