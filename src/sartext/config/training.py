"""Parameters of the models: tokenizer, shards, training, checkpoints, narration, study and evaluation."""

import re
from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from sartext.config.section import Section

Beta = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(gt=0, le=1)]


class TokenizerParameters(Section):
    """The small tokenizer that is trained on the corpora's own captions."""

    vocabulary: int = Field(1024, ge=300, le=65536, description="tokens, special ones and single bytes included")
    context: int = Field(32, ge=8, le=77, description="tokens of the longest caption, special ones included")


class ShardParameters(Section):
    """The tar files that training reads."""

    side: int = Field(64, ge=16, le=1024, description="width and height in pixels that images are squashed to")
    smallest_object: float = Field(2.0, ge=0, description="pixels of model input below which no object is named")
    looks: int = Field(1, ge=1, le=16, description="renderings of a simulated SAR scene, each with other speckle")
    megabytes: int = Field(64, ge=1, description="size from which on another tar file is begun")


class TrainingParameters(Section):
    """How every checkpoint is trained; what differs between them stands in its row of ``checkpoints``."""

    recipe: int = Field(1, ge=1, description="raised by hand when code changes what a training gives")
    seed: int = Field(7, ge=0)
    batch: int = Field(128, ge=2, description="pairs per step, over all processes and accumulated parts")
    accumulate: int = Field(1, ge=1, description="parts that a batch is computed in")
    threads: int = Field(2, ge=1, description="of torch on a CPU; part of the arithmetic")
    device: Literal["cpu", "cuda", "auto"] = "cpu"
    precision: Literal["fp32", "bf16", "auto"] = "fp32"
    gradient_checkpointing: bool = False
    weight_decay: float = Field(0.1, ge=0)
    betas: tuple[Beta, Beta] = (0.9, 0.98)
    epsilon: float = Field(1e-6, gt=0)
    clip_norm: float = Field(1.0, gt=0, description="largest norm of the gradient")
    warmup: float = Field(0.1, ge=0, le=1, description="share of the steps in which the learning rate rises")
    contrastive: Literal["equal-facts", "one-positive"] = "equal-facts"
    contrastive_weight: float = Field(1.0, ge=0)
    caption_weight: float = Field(1.0, ge=0, description="of CoCa's caption loss")
    validate_every: int = Field(2560, ge=1, description="pairs between two validations")
    patience: int | None = Field(None, ge=1, description="validations without a better one after which it stops")
    augment: bool = True

    @model_validator(mode="after")
    def _parts_fill_the_batch(self) -> "TrainingParameters":
        if self.batch % self.accumulate:
            raise ValueError(f"accumulate: {self.accumulate} parts do not divide a batch of {self.batch}")
        return self


class CheckpointParameters(Section):
    """One checkpoint: what it starts from, what it learns from and how long.

    ``from`` is a foundation file (an architecture and its weights, or none) or another checkpoint's folder;
    ``data`` is a folder of shards, or ``build/shards`` for optical and SAR pairs mixed in one stage;
    ``build/release-shards`` are the pairs of the release.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    origin: str = Field(alias="from")
    data: str = Field(pattern=r"^build/(shards(/(optical|sar))?|release-shards)$")
    samples: int = Field(ge=0, description="pairs seen in training, repetitions counted; 0: a study's control")
    learning_rate: float = Field(gt=0, le=1)
    methods: tuple[str, ...] = Field(
        (), description="which SAR captions to learn from, by how they were made; none named: all"
    )
    paraphrase: bool = Field(True, description="tell annotated pairs in many words, not in the plain ones alone")
    shuffle_captions: bool = Field(False, description="a control: every image gets another image's caption")
    frozen_tower: bool = Field(
        False, description="the image tower, one of timm, learns nothing; pictures are seen upright and unchanged"
    )

    @property
    def parent(self) -> str | None:
        """The checkpoint that it starts from, if it is one of the table's."""
        prefix = "build/checkpoint/"
        return self.origin.removeprefix(prefix) if self.origin.startswith(prefix) else None


class GrounderParameters(Section):
    """The grounder: a row of ``checkpoints`` that learns boxes, masks and scenes instead of captions.

    ``from`` is a foundation file of a grounder, ``data`` the annotated SAR pairs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    task: Literal["grounding"]
    origin: str = Field(alias="from")
    data: Literal["build/shards/sar"]
    samples: int = Field(ge=1, description="pictures seen in training, repetitions counted")
    learning_rate: float = Field(gt=0, le=1)
    batch: int = Field(32, ge=2, description="pictures per step")
    validate_every: int = Field(4000, ge=1, description="pictures between two validations")

    @property
    def parent(self) -> None:
        """It descends from no other checkpoint."""


class LoraParameters(Section):
    """Low-rank adapters on the language model instead of all its weights (Hu et al. 2021)."""

    rank: int = Field(64, ge=1)
    alpha: float = Field(16.0, gt=0)
    dropout: float = Field(0.05, ge=0, lt=1)
    targets: tuple[str, ...] = Field(("q_proj", "k_proj", "v_proj", "dense", "fc1", "fc2"), min_length=1)


class GptParameters(Section):
    """SAR-GPT: an image tower, a projector and a language model, taught optical and then SAR questions.

    ``from`` is the folder of a CLIP, whose image tower it takes; ``data`` the release, whose questions it learns;
    ``language`` a foundation file (a language model of the Phi family and its weights, or none).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    origin: str = Field(alias="from")
    data: Literal["build/release"] = "build/release"
    language: str
    optical_samples: int = Field(ge=0, description="questions of the first stage, repetitions counted")
    samples: int = Field(ge=1, description="questions of the second stage, repetitions counted")
    learning_rate: float = Field(gt=0, le=1)
    batch: int = Field(64, ge=2, description="questions per step")
    images: bool = Field(True, description="without, the language model alone: a control that sees nothing")
    freeze_tower: bool = True
    lora: LoraParameters | None = None
    validate_every: int = Field(4096, ge=1, description="questions between two validations")


class NarrationParameters(Section):
    """How unlabelled images are captioned, and what is kept."""

    length: int = Field(32, ge=8, description="tokens of the longest caption; a longer one is dropped and counted")
    beams: int = Field(1, ge=1, le=64)
    batch: int = Field(64, ge=1)
    precision_objects: float = Field(0.8, gt=0, le=1, description="share of true statements on objects to reach")
    precision_cover: float = Field(0.85, gt=0, le=1, description="share of true statements on land cover to reach")
    fewest: int = Field(30, ge=1, description="validation statements that a threshold needs to stand on")
    pair_quantile: float = Field(
        0.05, ge=0, lt=1, description="of the similarity of true validation pairs: halves below it disagree"
    )


class ArmParameters(Section):
    """An arm of the study, trained by the row ``arm-<name>`` of ``checkpoints``; the usual six need no more."""

    title: str = Field("", description="what it is, in a few words")
    like: str | None = Field(None, description="an arm from which it differs by its first weights alone")
    against: tuple[str, ...] = Field(("progressive",), description="arms that it is a control of")


class StudyParameters(Section):
    """The comparison of the arms of progressive transfer."""

    arms: dict[str, ArmParameters] = Field({}, description="by name; none: the usual six")

    seeds: tuple[int, ...] = (9001, 9002, 9003, 9004, 9005)
    fractions: tuple[Share, ...] = Field((0.05, 0.1, 0.25, 0.5, 1.0), min_length=1)
    workers: int = Field(2, ge=1)
    resamples: int = Field(2000, ge=100, description="of the bootstrap")
    learning_rates: tuple[float, ...] = Field(
        (0.0005, 0.001, 0.002), description="the grid; none: every row has its own, chosen before"
    )
    development_seeds: tuple[int, ...] = Field((101,), min_length=1)
    development_fractions: tuple[Share, ...] = Field(
        (0.1, 1.0), min_length=1, description="at which learning rates are chosen; others take the nearest one's"
    )
    scenes: dict[Literal["ships", "objects", "landcover", "pairs", "optical"], int] = Field(
        {}, description="images of each simulated corpus, where they differ from `simulation`"
    )
    looks: int | None = Field(None, ge=1, le=16, description="renderings of a SAR scene, where not `shards.looks`")
    samples: dict[Literal["optical", "sar"], Annotated[int, Field(ge=1)]] = Field(
        {}, description="pairs of the two stages, where not those of their rows of `checkpoints`; before `scale`"
    )
    scale: float = Field(1.0, gt=0, description="what the samples of every row of `checkpoints` are multiplied by")
    batch: int | None = Field(None, ge=2, description="pairs per step, where not `training.batch`")
    validations: int = Field(8, ge=1, description="in every training; the best one decides when it stops")
    frozen_tower: bool = Field(False, description="let image towers learn nothing, see `models.frozen`")
    frozen_learning_rate: float | None = Field(None, gt=0, le=1, description="then in place of `learning_rates`")

    @model_validator(mode="after")
    def _fresh_seeds(self) -> "StudyParameters":
        if both := set(self.seeds) & set(self.development_seeds):
            raise ValueError(f"seeds: {min(both)} was used in development; the study needs others")
        return self


def _no_physics(name: object) -> object:
    if isinstance(name, str) and name.startswith("physics/"):
        raise ValueError(
            "figures of physics are of simulated scenes, not of the first benchmark: no model could reach them; "
            "name one of retrieval, captioning, vqa or foils"
        )
    return name


def _bound(bound: object) -> object:
    if isinstance(bound, str) and not re.fullmatch(r"blind( \+ \d+(\.\d+)?)?", bound):
        raise ValueError(
            f"'{bound}' is no threshold: write a number that the figure must reach, `blind` (its whole interval "
            "must be better than the best answer that never sees the image) or `blind + 5` (by more than 5)"
        )
    return bound


FIGURE_NAME = StringConstraints(pattern=r"^(retrieval|captioning|vqa|foils)/[a-z0-9_]+(\.[a-z0-9_]+)?$")
"""``<task>/<metric>`` of a figure of a whole benchmark, such as ``retrieval/duplicate_aware.mean_recall``."""

FigureName = Annotated[str, FIGURE_NAME, BeforeValidator(_no_physics)]
Bound = Annotated[Annotated[float, Field(allow_inf_nan=False)] | str, BeforeValidator(_bound)]
Champions = dict[str, dict[FigureName, Bound]]
"""By the name of a model: what its figures must reach at least for it to become that model's champion.

A figure that is better the lower it is must not exceed its number. With ``blind`` the whole 95 % interval must be
better than the best answer that never sees the image. A model that is not named becomes none.
"""


class EvaluationParameters(Section):
    """How models are compared in the report."""

    seed: int = Field(7, ge=0, description="of the bootstrap, of the references' wordings and of simulated scenes")
    resamples: int = Field(2000, ge=100, description="of the bootstrap over groups")
    comparisons: dict[str, tuple[str, ...]] = Field(
        {}, description="what a variant is compared with, on the same images: the first minus each of the others"
    )
    without_narrated: str = Field(
        "-annotated",
        min_length=1,
        description="ends the name of a model trained as another, without narrated captions",
    )
    physics_scenes: int = Field(120, ge=0, description="simulated scenes of the physics curves; 0 leaves them out")

    def pairs(self, variants: Collection[str]) -> list[tuple[str, str]]:
        """Return the comparisons of which both sides are among the variants."""
        declared = ((name, other) for name, others in self.comparisons.items() for other in others)
        return [pair for pair in declared if {*pair} <= {*variants}]

    def is_without_narrated(self, variant: str) -> bool:
        """Whether a variant's name says that it was trained without narrated captions."""
        return variant.endswith(self.without_narrated)
