"""The stage `narrated`: an unlabelled corpus, captioned by the narrator; what passes its thresholds is kept.

Objects are stated with number and place where both pass, else as "at least one" where the class does; land cover
is stated with its share where that passes, else only named. What does not pass is left unsaid, and so is a class
that no validation images of the corpus's sensor tested. A caption of whose statements CoCa wrote none is one by
the grounder alone, which is a method of its own.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from sartext.captioner.calibrated import read_calibration
from sartext.captioner.captioner import ModelCaption
from sartext.captioner.corpus import TRAIN_ONLY, index_rows, pictures_of
from sartext.captioner.narrator import Narrator, load_narrator
from sartext.captioner.proof import Decision, decide
from sartext.captioner.thresholds import released
from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.errors import CatalogueError
from sartext.narrator.facts import to_json
from sartext.narrator.faithfulness import contradictions
from sartext.narrator.hidden_truth import read_truth, true_facts
from sartext.narrator.methods import GROUNDER, NARRATOR
from sartext.narrator.realisation import canonical, realise
from sartext.narrator.statements import COVER_ZONE, KINDS, SCENE, judge, statements_of
from sartext.narrator.vocabulary import Vocabulary, project_vocabulary
from sartext.narrator.writing import write_captions
from sartext.release.inputs import train_ids

UNFAITHFUL = "the caption does not agree with its facts"
UNTESTED = "no class was tested on images of its sensor"
EXAMPLES = 6

Row = Mapping[str, Any]


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
    narrator = load_narrator(project)
    vocabulary = project_vocabulary(project)
    calibration = read_calibration(
        project.calibration,
        clip=narrator.captioner.clip.sha256,
        coca=narrator.captioner.coca.sha256,
        grounder=narrator.grounder.sha256,
    )
    rules, untested = calibration.rules_on(entry.sensors), calibration.untested_on(entry.sensors)
    any_tested = len(untested) < len(calibration.labels)
    pictures = pictures_of(project, entry, wanted, f"narration of {corpus}")
    decisions: list[tuple[Row, Decision]] = []
    captions: list[dict[str, Any]] = []
    reasons = {row["image_id"]: TRAIN_ONLY for row in rows if row["image_id"] not in trained}
    for row, (written, grounding) in zip(wanted, narrator.look(pictures), strict=True):
        decision = decide(written, grounding, calibration.maps, vocabulary, rules)
        caption = _caption(project, row["image_id"], written, decision, narrator)
        if isinstance(caption, str):
            caption = caption if any_tested else UNTESTED
            reasons[row["image_id"]] = caption
            decision = Decision(caption, decision.unread, decision.candidates)
        else:
            captions.append(caption)
        decisions.append((row, decision))
    proposed = Counter(each.statement.kind for _, of in decisions for each, _ in of.candidates)
    said = Counter(each.statement.kind for _, of in decisions for each, _ in of.candidates if each.said)
    accepted = Counter(statement.kind for _, of in decisions for statement in of.accepted)
    metrics: dict[str, object] = {
        "corpus": corpus,
        "method": NARRATOR.name,
        "methods": dict(sorted(Counter(row["method"] for row in captions).items())),
        "images": len(captions) + len(reasons),
        "narrated": len(wanted),
        "captions": len(captions),
        "share_accepted": round(len(captions) / len(wanted), 4) if wanted else None,
        "statements_per_caption": round(sum(accepted.values()) / len(captions), 4) if captions else None,
        "uncaptioned": dict(sorted(Counter(reasons.values()).items())),
        "unread": dict(sorted(Counter(of.unread for _, of in decisions if of.unread).items())),
        "statements": {
            kind: {"proposed": proposed[kind], "said": said[kind], "released": accepted[kind]} for kind in rules
        },
        "untested_on_sensor": untested,
        "thresholds": {kind: released(rule) for kind, rule in rules.items()},
    }
    if (truth := read_truth(project, corpus)) is not None:  # nothing above may know it
        metrics["hidden_truth"] = measure(truth, decisions, vocabulary)
    write_captions(project.narrated(corpus), captions, reasons, metrics)
    examples = [row["image_id"] for row in captions[:: max(1, len(captions) // EXAMPLES)]][:EXAMPLES]
    return {**metrics, "examples": examples}


def _caption(
    project: Project, image_id: str, written: ModelCaption, decision: Decision, narrator: Narrator
) -> dict[str, Any] | str:
    """The row of an image's caption, or why it has none."""
    facts, parameters = decision.facts, project.parameters.narrator
    if facts is None:
        return decision.reason
    text = realise(facts, image_id, parameters.seed)[0] if parameters.paraphrase else canonical(facts)
    method = GROUNDER if decision.by_map_alone else NARRATOR
    if contradictions(text, to_json(facts), method.name, None):
        return UNFAITHFUL
    grounder = narrator.grounder.sha256
    return method.caption_row(
        image_id,
        text,
        facts,
        source_caption=written.text,
        model_sha256=grounder if decision.by_map_alone else narrator.captioner.coca.sha256,
        score=decision.score,
        proof=decision.record(grounder),
    )


def measure(
    truth: Mapping[str, Any], decisions: Iterable[tuple[Row, Decision]], vocabulary: Vocabulary
) -> dict[str, dict[str, dict[str, object]]]:
    """Return precision and recall of released statements, and the precision of withheld ones, by type.

    The truth has no zones of land cover and no scenes: those are not judged. What captions talk about and it does
    not name is not in the image. A rejected statement was proposed and not released, whatever the reason.

    Args:
        truth: see ``read_truth``: boxes in pixels, and shares of land cover, of all that the simulation knows.
        decisions: rows of the corpus's index, with what was decided of each image.
        vocabulary: what captions talk about.

    Raises:
        ArtefactError: the truth is none.
    """
    kinds = [kind for kind in KINDS if kind not in {COVER_ZONE, SCENE}]
    counts = {kind: {"accepted": [0, 0], "rejected": [0, 0]} for kind in kinds}
    known: Counter[str] = Counter()
    everything = {*vocabulary.things, *vocabulary.stuff, *(scene.casefold() for scene in vocabulary.scenes)}
    for row, decision in decisions:
        image_truth = truth.get(PurePosixPath(row["path"]).name)
        if image_truth is None:
            continue
        true = statements_of(true_facts(image_truth, row, vocabulary))
        known.update(statement.kind for statement in true)
        proposed = dict.fromkeys([*(each.statement for each, _ in decision.candidates), *decision.accepted])
        for statement, right in judge(proposed, true, everything):
            if statement.kind in counts:
                count = counts[statement.kind]["accepted" if statement in decision.accepted else "rejected"]
                count[0] += right
                count[1] += 1
    measured: dict[str, dict[str, dict[str, object]]] = {}
    for kind, verdicts in counts.items():
        measured[kind] = {
            verdict: {"statements": of, "true": right, "precision": round(right / of, 4) if of else None}
            for verdict, (right, of) in verdicts.items()
        }
        recalled = verdicts["accepted"][0]
        recall = round(recalled / known[kind], 4) if known[kind] else None
        measured[kind]["recall"] = {"statements": known[kind], "true": recalled, "recall": recall}
    return measured
