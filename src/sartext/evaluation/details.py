"""What the report reads: ``build/evaluation/<task>/`` of every task, written by the evaluations.

A task's folder holds
- ``figures.json``: every number (`evaluation.figures`), whichever task it is of: foils may lie in ``retrieval``,
  physics curves in ``captioning``; the report goes by ``Figure.task``.
- ``details.json``: the `Details` of the task: what is shown beside the numbers. Fields that a task has nothing for
  stay empty; what several tasks say of a variant or a benchmark must be equal.
- ``pictures/<image_id>.png``: every picture that the details name, ``/`` of an image id as a folder.

None of it holds a time, a duration, a host or a run id, so that equal inputs give the same bytes.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar, dataclass_transform

from pydantic import ConfigDict, TypeAdapter, ValidationError

from sartext.errors import ArtefactError
from sartext.evaluation.metrics.recall import Scoring
from sartext.files import read_json, write_json
from sartext.registry import Registry

TASKS = ("retrieval", "captioning", "vqa", "grounding")
"""The stages ``evaluation@<task>``."""

Role = Literal["foundation", "arm", "model", "baseline", "ceiling"]
Kind = Literal["clip", "coca", "gpt", "grounder", "rule"]

CHANCE = "chance"
COMMONEST = "commonest"
CONSTANT = "constant"
CONSTANT_CIDER = "constant-cider"
CONSTANT_F1 = "constant-f1"
CONSTANT_PER_CORPUS = "constant-per-corpus"
CONSTANT_PRECISION = "constant-precision"
CONSTANT_RANKING = "constant-ranking"
CONSTANT_RECALL = "constant-recall"
GRAMMAR = "grammar"
MOST_FREQUENT = "most-frequent"
NEAREST_TRAIN = "nearest-train"
PERFECT = "perfect"
TEXT_PRIOR = "text-prior"

RETRIEVER = "sar-rs-clip"
"""The model that finds the nearest training caption."""

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def _row(cls: type[T]) -> type[T]:
    """Make a class a frozen dataclass that is not read from JSON with a field that it lacks."""
    cls.__pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[attr-defined]
    return dataclass(frozen=True)(cls)


@_row
class Variant:
    """A model, an arm of the comparison or a baseline.

    Args:
        name: as the figures have it, such as ``progressive``.
        title: what it is, in a few words, without its name: "optical, then SAR".
        role: ``foundation``: before any training of ours; ``arm``: of the transfer comparison; ``model``: trained
            on the release; ``baseline``: sees no image or learned nothing; ``ceiling``: what perfection gives.
        kind: of the network; ``rule`` where there is none.
        origin: what its training started from: a foundation file, a checkpoint's folder, or nothing.
        samples: pairs (VQA: questions) seen in training over all its stages, repetitions counted.
        sar_samples: of them SAR ones.
        weights: the number of its parameters.
        model_sha256: of ``model.safetensors``; ties it to MLflow's model version (tag ``model_sha256``).
        stages: of ``dvc.yaml`` that trained it; its own is the last.
        registered: the name of its model in MLflow's registry; None where it has none.
        pretrained: its lineage began with pretrained weights, without which ratios to the foundation mean nothing.
        blind: what it answers never depends on the image that is asked about.
    """

    name: str
    title: str
    role: Role
    kind: Kind
    origin: str = ""
    samples: int | None = None
    sar_samples: int | None = None
    weights: int | None = None
    model_sha256: str | None = None
    stages: tuple[str, ...] = ()
    registered: str | None = None
    pretrained: bool = False
    blind: bool = False


_blind = partial(Variant, role="baseline", kind="rule", blind=True)

BASELINES = Registry(
    "baseline",
    (
        Variant(GRAMMAR, "the facts themselves, in a sixth wording", "ceiling", "rule"),
        _blind(MOST_FREQUENT, "the most frequent training caption, of every image"),
        _blind(CONSTANT_CIDER, "the training caption with the best CIDEr-D on the train split, of every image"),
        _blind(CONSTANT_F1, "the training caption with the best F1 of facts on the train split, of every image"),
        _blind(CONSTANT_PRECISION, "the training caption most often right on the train split, of every image"),
        _blind(CONSTANT_RECALL, "the training caption that states most of the train split, of every image"),
        Variant(NEAREST_TRAIN, f"the training caption that {RETRIEVER} finds nearest", "baseline", "rule"),
        _blind(CONSTANT, "the most frequent caption or answer, whatever the image"),
        _blind(CONSTANT_PER_CORPUS, "the most frequent training answer of each type and corpus"),
        _blind(COMMONEST, "what a corpus's train split shows most often: places, numbers, land cover, scene"),
        Variant(PERFECT, "knows the facts of every image, and no more", "ceiling", "rule"),
        _blind(CHANCE, "an order drawn at random; of two texts, either"),
        _blind(CONSTANT_RANKING, "the same order for every query, the commonest facts first"),
        _blind(TEXT_PRIOR, "the likelier text by the words of the training captions"),
    ),
)
"""The variants that are no models: baselines, which see no image or learned nothing, and ceilings."""


@_row
class BenchmarkRow:
    """What ``Benchmark.describe()`` says, the fields by the same names."""

    name: str
    images: int
    groups: int
    distinct_facts: int
    corpora: Mapping[str, int]
    left_out: int
    sha256: str


@_row
class Curve:
    """Recall, 0 to 100, at k = 1, 2, ... of a variant on a benchmark; a ceiling is one of variant ``perfect``."""

    variant: str
    scoring: Scoring
    i2t: tuple[float, ...]
    t2i: tuple[float, ...]
    benchmark: str = "release-test"


@_row
class Ranked:
    """One place of a ranking: the image and its caption; ``right`` where its facts equal the query's."""

    image_id: str
    caption: str
    right: bool


@_row
class RetrievalExample:
    """One query, the picture (``i2t``) or the caption (``t2i``) of an image, and the first of its ranking."""

    kind: Literal["i2t", "t2i"]
    variant: str
    image_id: str
    caption: str
    ranked: tuple[Ranked, ...]


@_row
class FoilExample:
    """An image with its caption, one with a fact of a kind changed, and which variants preferred the true one."""

    image_id: str
    caption: str
    foil: str
    kind: str
    preferred: Mapping[str, bool | None]


@_row
class Written:
    """A caption that a model wrote, empty where it wrote none.

    ``wrong`` are its statements that the annotation contradicts, in words ("two bridges", "ships in the center"),
    ``missed`` what the annotation has and it does not state; without ``judged`` it could not be read back at all.
    """

    text: str
    wrong: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    judged: bool = True


@_row
class CaptionExample:
    """An image, its caption in the release, and what the variants write of it."""

    image_id: str
    corpus: str
    reference: str
    captions: Mapping[str, Written]


@_row
class Frame:
    """One picture of a strip: ``setting`` in words ("4 looks"), ``picture`` an image id, ``caption`` of it."""

    setting: str
    picture: str
    caption: str


@_row
class Strip:
    """One simulated scene under changing conditions, captioned by one variant."""

    title: str
    variant: str
    frames: tuple[Frame, ...]


@_row
class VqaExample:
    """A question about an image: the answer that its facts prove, and those of the variants by their names."""

    question_id: str
    image_id: str
    type: str
    question: str
    answer: str
    answers: Mapping[str, str]


@_row
class Details:
    """What one task shows beside its figures; see the module.

    Args:
        variants: everything that the figures of this task are of, in the order in which to show it.
        benchmarks: that the figures are of; the first is the one that tables are made from.
        curves: of retrieval.
        retrieval: examples, with errors among them.
        foils: examples.
        captions: examples, of every corpus.
        strips: of the physics curves.
        questions: examples of VQA.
        chosen: how the examples of each kind were chosen, in one sentence each, by the field's name above.
        notes: further sentences that a reader must know ("captions longer than the context were cut: 3").
    """

    variants: tuple[Variant, ...]
    benchmarks: tuple[BenchmarkRow, ...]
    curves: tuple[Curve, ...] = ()
    retrieval: tuple[RetrievalExample, ...] = ()
    foils: tuple[FoilExample, ...] = ()
    captions: tuple[CaptionExample, ...] = ()
    strips: tuple[Strip, ...] = ()
    questions: tuple[VqaExample, ...] = ()
    chosen: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def command(task: str) -> str:
    """Return what to type for it."""
    return f"sartext evaluation {task}"


def write_details(path: Path, details: Details) -> None:
    """Write ``details.json``; equal details give equal bytes."""
    write_json(path, asdict(details))


def read_details(path: Path) -> Details:
    """Read what `write_details` wrote.

    Raises:
        ArtefactError: the file is absent, damaged, or has a field that is not declared here.
    """
    content: Any = read_json(path)
    try:
        return TypeAdapter(Details).validate_python(content)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise ArtefactError(
            f"{place}: {problem['msg']}",
            where=path,
            way_out=f"evaluate again: `sartext evaluation {path.parent.name}`",
        ) from error


def picture_path(folder: Path, image_id: str) -> Path:
    """Return where the picture of an image lies in the folder of a task."""
    return folder / "pictures" / f"{image_id}.png"


def shown_pictures(details: Details) -> set[str]:
    """Return the image ids whose pictures the details name."""
    ranked = {place.image_id for example in details.retrieval if example.kind == "t2i" for place in example.ranked}
    queries = {example.image_id for example in details.retrieval if example.kind == "i2t"}
    frames = {frame.picture for strip in details.strips for frame in strip.frames}
    foils = {example.image_id for example in details.foils}
    captions = {example.image_id for example in details.captions}
    questions = {example.image_id for example in details.questions}
    return ranked | queries | frames | foils | captions | questions
