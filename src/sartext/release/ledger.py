"""The ledger: every source image of every corpus, released or left out, with the stage and the reason.

The order of the stages is the order of the questions: could the file be used, could rules say something about it,
is it the one that stays of its duplicates, did a model say something that passes, may it stand in the candidate.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sartext.catalogue.entry import Entry
from sartext.config import Project
from sartext.corpora.quarantine import read_quarantine
from sartext.errors import ArtefactError
from sartext.files import read_json
from sartext.narrator.methods import BY_MODEL
from sartext.release.inputs import TRAIN

RELEASED, LEFT_OUT = "released", "left out"
"""Methods whose captions a model wrote; they train, and never judge."""

CAPTIONS_STAGE, OPTICAL_STAGE, NARRATED_STAGE = "captions", "optical-captions", "narrated"
"""The stages that caption images, in the order in which their captions count: rules and people before models."""

OPTICAL = "optical image, kept for training"
UNLABELLED = "SAR image without labels, of a corpus that params.yaml does not list under narrated"
NOT_LISTED = "SAR image of a corpus that params.yaml does not list under captions"

_VERBS = {CAPTIONS_STAGE: "captions", OPTICAL_STAGE: "optical-captions", NARRATED_STAGE: "narrate"}


@dataclass(frozen=True)
class Fate:
    """What became of a source image: ``stage`` is ``release``, or the stage that left it out and why."""

    stage: str
    reason: str = ""

    @property
    def released(self) -> bool:
        """Whether it stands in the candidate."""
        return self.stage == "release"


@dataclass(frozen=True)
class StageCaptions:
    """What one captioning stage wrote about a corpus: captions, and why an image got none, by image id."""

    stage: str
    captions: Mapping[str, Mapping[str, Any]]
    reasons: Mapping[str, str]


@dataclass(frozen=True)
class CaptionedCorpus:
    """What the stages wrote about the images of one corpus; ``stages`` in the order in which captions count."""

    entry: Entry
    stages: tuple[StageCaptions, ...]
    splits: Mapping[str, Mapping[str, Any]]

    @cached_property
    def captions(self) -> Mapping[str, Mapping[str, Any]]:
        """The caption of each image that has one; of several, the one that counts."""
        return {name: caption for made in reversed(self.stages) for name, caption in made.captions.items()}


def command(stage: str, corpus: str) -> str:
    """The command that captions a corpus in a stage."""
    return f"sartext {_VERBS[stage]} {corpus}"


def fate_of(row: Mapping[str, Any], known: CaptionedCorpus) -> Fate:
    """Decide what becomes of an image of the index.

    Raises:
        ArtefactError: a stage has not seen the image.
    """
    image_id = row["image_id"]
    split = known.splits.get(image_id)
    if split is None:
        raise _unseen(image_id, "build/splits/splits.parquet", "sartext splits")
    optical = row["modality"] != "sar"
    caption = None if optical else known.captions.get(image_id)
    if caption is None and not optical and {made.stage for made in known.stages} == {CAPTIONS_STAGE}:
        return _uncaptioned(image_id, known, TRAIN)
    if split["split"] is None:
        return Fate("splits", split["reason"])
    if optical:
        return Fate("candidate", OPTICAL)
    if caption is None:
        return _uncaptioned(image_id, known, split["split"])
    if caption["method"] in BY_MODEL and split["split"] != TRAIN:
        by_model = f"captioned by a model ({caption['method']}), and {split['split']} takes no model's caption"
        return Fate("candidate", by_model)
    return Fate("release")


def _uncaptioned(image_id: str, known: CaptionedCorpus, split: str) -> Fate:
    """The reason of the last stage that saw the image; only models may leave images unseen, outside train."""
    if not known.stages:
        return Fate("candidate", UNLABELLED if known.entry.kind == "unlabelled" else NOT_LISTED)
    for made in reversed(known.stages):
        if image_id in made.reasons:
            return Fate(made.stage, made.reasons[image_id])
    last = known.stages[-1].stage
    if last != CAPTIONS_STAGE and split != TRAIN:
        return Fate("candidate", f"no label or caption by people, and {split} takes no model's caption")
    name = known.entry.name
    raise _unseen(image_id, f"build/{last}/{name}", command(last, name))


def _unseen(image_id: str, where: str, command: str) -> ArtefactError:
    return ArtefactError(f"image '{image_id}' is not in it", where=where, way_out=f"run `{command}`")


def ledger_row(corpus: str, image_id: str, path: str, fate: Fate) -> dict[str, object]:
    """Return one row of the ledger."""
    return {
        "image_id": image_id,
        "corpus": corpus,
        "path": path,
        "fate": RELEASED if fate.released else LEFT_OUT,
        "stage": fate.stage,
        "reason": fate.reason,
    }


def quarantined_rows(project: Project, corpus: str, taken: Collection[str]) -> list[dict[str, object]]:
    """Return a ledger row for each source image that the index left out.

    Boxes and annotations in the quarantine are no images. An image whose id another one has (``taken``) is
    named by its path.
    """
    reasons: dict[str, list[str]] = {}
    ids: dict[str, str] = {}
    for fault in read_quarantine(project.corpus(corpus) / "quarantine.csv", "image"):
        reasons.setdefault(fault.path, []).append(": ".join(part for part in (fault.reason, fault.detail) if part))
        ids.setdefault(fault.path, fault.image_id)
    used = set(taken)
    rows = []
    for path in sorted(reasons):
        image_id = ids[path]
        if not image_id or image_id in used:
            image_id = f"{corpus}/{path.removeprefix(f'data/{corpus}/')}"
        used.add(image_id)
        rows.append(ledger_row(corpus, image_id, path, Fate("corpus", "; ".join(reasons[path]))))
    return rows


def check_sums(project: Project, rows: Iterable[Mapping[str, object]]) -> dict[str, dict[str, int]]:
    """Return the counts of the ledger per corpus, once they equal what the index counted when it found the files.

    Raises:
        ArtefactError: a corpus has more or fewer source images than fates.
    """
    counts: dict[str, Counter[str]] = {name: Counter() for name in project.parameters.corpora}
    for row in rows:
        counts[str(row["corpus"])][str(row["fate"])] += 1
    for name, counted in counts.items():
        path = project.corpus(name) / "metrics.json"
        metrics = read_json(path)
        sources = metrics["images_found"] + metrics["optical_halves_found"]
        if sources != counted.total():
            raise ArtefactError(
                f"{sources} source images were found, but {counted.total()} have a fate",
                where=path,
                way_out=f"run `sartext corpus {name}` and `sartext splits` again",
            )
    return {
        name: {"sources": counted.total(), "released": counted[RELEASED], "left_out": counted[LEFT_OUT]}
        for name, counted in counts.items()
    }
