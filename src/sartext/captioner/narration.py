"""The stage `narrated`: an unlabelled corpus, captioned by the narrator; what passes its thresholds is kept.

Objects are stated with number and place where both pass, else as "at least one" where the class does; land cover
is stated where its share passes, without its zone where that does not. What does not pass is left unsaid, so a
released caption states fewer things than the narrator did, and each of them wholly.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from sartext.captioner.calibration import read_rules
from sartext.captioner.captioner import UNFINISHED, Captioner, ModelCaption, load_captioner
from sartext.captioner.corpus import TRAIN_ONLY, index_rows, pictures_of, train_ids, write_captions
from sartext.captioner.thresholds import Rules, released
from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.errors import CatalogueError
from sartext.narrator.facts import Facts, PresentFact, to_json
from sartext.narrator.faithfulness import contradictions
from sartext.narrator.hidden_truth import read_truth, true_facts
from sartext.narrator.methods import NARRATOR
from sartext.narrator.realisation import canonical, realise
from sartext.narrator.statements import (
    COVER_CLASS,
    COVER_SHARE,
    COVER_ZONE,
    KINDS,
    OBJECT_CLASS,
    OBJECT_KINDS,
    SCENE,
    Statement,
    judge,
    read_facts,
    statements_of,
)
from sartext.narrator.vocabulary import Vocabulary, bare, project_vocabulary

UNFAITHFUL = "the caption does not agree with its facts"
BELOW = "no statement reaches its threshold"
EXAMPLES = 6

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Decision:
    """What became of a caption.

    Args:
        reason: why nothing of it is released, or nothing.
        read: the facts that it states, None where it could not be read.
        facts: those that are released.
        score: of the least sure statement that is released.
    """

    reason: str = ""
    read: Facts | None = None
    facts: Facts | None = None
    score: float | None = None

    def statements(self) -> Iterator[tuple[Statement, bool]]:
        """Yield what was said, and whether it is released."""
        accepted = frozenset(statements_of(self.facts)) if self.facts else frozenset()
        for statement in statements_of(self.read) if self.read else ():
            yield statement, statement in accepted


def decide(caption: ModelCaption, vocabulary: Vocabulary, rules: Rules) -> Decision:
    """Decide which facts of a caption are released."""
    if not caption.finished:
        return Decision(UNFINISHED)
    read = read_facts(caption.text, vocabulary)
    if isinstance(read, str):
        return Decision(read)
    scores = {kind: rule.fit.score(caption.figures) for kind, rule in rules.items()}

    def passes(kind: str, noun: str) -> bool:
        return kind in rules and rules[kind].accepts(bare(noun), scores[kind])

    objects = tuple(fact for fact in read.objects if all(passes(kind, fact.noun) for kind in OBJECT_KINDS))
    cover = tuple(
        replace(fact, zone=fact.zone if fact.zone and passes(COVER_ZONE, fact.noun) else None)
        for fact in read.cover
        if passes(COVER_CLASS, fact.noun) and passes(COVER_SHARE, fact.noun)
    )
    whole = {fact.noun for fact in objects}
    named = (*(PresentFact(fact.label, fact.noun, fact.plural) for fact in read.objects), *read.present)
    present = tuple(fact for fact in named if fact.noun not in whole and passes(OBJECT_CLASS, fact.noun))
    scene, scene_class = (
        name if name and passes(SCENE, name) else None for name in (read.scene, read.scene_class)
    )
    if not (objects or cover or present or scene or scene_class):
        return Decision(BELOW, read)
    facts = Facts(objects=objects, cover=cover, scene=scene, present=present, scene_class=scene_class)
    return Decision("", read, facts, min(scores[statement.kind] for statement in statements_of(facts)))


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
    decisions: list[tuple[Row, Decision]] = []
    captions: list[dict[str, Any]] = []
    reasons = {row["image_id"]: TRAIN_ONLY for row in rows if row["image_id"] not in trained}
    for row, written in zip(wanted, captioner.write_and_judge(pictures), strict=True):
        decision = decide(written, vocabulary, rules)
        caption = _caption(project, row["image_id"], written, decision, captioner)
        if isinstance(caption, str):
            reasons[row["image_id"]] = caption
            decision = replace(decision, facts=None)
        else:
            captions.append(caption)
        decisions.append((row, decision))
    stated: Counter[str] = Counter()
    accepted: Counter[str] = Counter()
    for _, decision in decisions:
        for statement, is_released in decision.statements():
            stated[statement.kind] += 1
            accepted[statement.kind] += is_released
    metrics: dict[str, object] = {
        "corpus": corpus,
        "method": NARRATOR.name,
        "images": len(captions) + len(reasons),
        "narrated": len(wanted),
        "captions": len(captions),
        "share_accepted": round(len(captions) / len(wanted), 4) if wanted else None,
        "uncaptioned": dict(sorted(Counter(reasons.values()).items())),
        "statements": {kind: {"said": stated[kind], "released": accepted[kind]} for kind in rules},
        "thresholds": {kind: released(rule) for kind, rule in rules.items()},
    }
    if (truth := read_truth(project, corpus)) is not None:  # nothing above may know it
        metrics["hidden_truth"] = measure(truth, decisions, vocabulary)
    write_captions(project.narrated(corpus), captions, reasons, metrics)
    examples = [row["image_id"] for row in captions[:: max(1, len(captions) // EXAMPLES)]][:EXAMPLES]
    return {**metrics, "examples": examples}


def _caption(
    project: Project, image_id: str, written: ModelCaption, decision: Decision, captioner: Captioner
) -> dict[str, Any] | str:
    """The row of an image's caption, or why it has none."""
    facts, narrator = decision.facts, project.parameters.narrator
    if facts is None:
        return decision.reason
    text = realise(facts, image_id, narrator.seed)[0] if narrator.paraphrase else canonical(facts)
    if contradictions(text, to_json(facts), NARRATOR.name, None):
        return UNFAITHFUL
    sha256, score = captioner.coca.sha256, decision.score
    return NARRATOR.caption_row(
        image_id, text, facts, source_caption=written.text, model_sha256=sha256, score=score
    )


def measure(
    truth: Mapping[str, Any], decisions: Iterable[tuple[Row, Decision]], vocabulary: Vocabulary
) -> dict[str, dict[str, dict[str, object]]]:
    """Return the precision of released and of withheld statements, by type.

    The truth has no zones of land cover and no scenes: those are not judged. What captions talk about and it does
    not name is not in the image. A rejected statement was read and not released, whatever the reason.

    Args:
        truth: see ``read_truth``: boxes in pixels, and shares of land cover, of all that the simulation knows.
        decisions: rows of the corpus's index, with what was decided of each image's caption.
        vocabulary: what captions talk about.

    Raises:
        ArtefactError: the truth is none.
    """
    counts = {kind: {"accepted": [0, 0], "rejected": [0, 0]} for kind in KINDS if kind not in {COVER_ZONE, SCENE}}
    everything = {*vocabulary.things, *vocabulary.stuff, *(scene.casefold() for scene in vocabulary.scenes)}
    for row, decision in decisions:
        image_truth = truth.get(PurePosixPath(row["path"]).name)
        if image_truth is None or decision.read is None:
            continue
        kept = dict(decision.statements())
        true = statements_of(true_facts(image_truth, row, vocabulary))
        for statement, right in judge(statements_of(decision.read), true, everything):
            if statement.kind in counts:
                count = counts[statement.kind]["accepted" if kept[statement] else "rejected"]
                count[0] += right
                count[1] += 1
    return {
        kind: {
            verdict: {"statements": of, "true": right, "precision": round(right / of, 4) if of else None}
            for verdict, (right, of) in verdicts.items()
        }
        for kind, verdicts in counts.items()
    }
