"""The stages of ``dvc.yaml`` as commands: one list, from which each is derived."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pkgutil import resolve_name
from string import Formatter
from typing import Any

import click

from sartext.cli.program import Metrics, pass_project, run_stage
from sartext.config import Project
from sartext.errors import GateError, TrainingError
from sartext.registry import Registry

TASKS = ("retrieval", "captioning", "vqa", "grounding")


@dataclass(frozen=True)
class StageCommand:
    """One stage of the pipeline.

    Args:
        name: of the command.
        stage: in ``dvc.yaml``; what stands in braces is an argument.
        function: as ``module:function``, imported when it runs; called with the project and the argument. It
            returns metrics.
        help: one sentence.
        choices: what the argument may be, where that is a fixed set.
        options: of the command.
        group: the command group that it is in, if any.
        run: called instead of ``function``, with this entry, the project, the argument and the options.
    """

    name: str
    stage: str
    function: str
    help: str
    choices: tuple[str, ...] = ()
    options: tuple[click.Option, ...] = ()
    group: str = ""
    run: Callable[..., None] | None = None

    def load(self) -> Callable[..., Metrics]:
        """Import the function."""
        function: Callable[..., Metrics] = resolve_name(self.function)
        return function

    @property
    def argument(self) -> str:
        """The name of the argument; empty where there is none."""
        return next((field for _, field, _, _ in Formatter().parse(self.stage) if field), "")

    def command(self) -> click.Command:
        """Return the command."""
        params: list[click.Parameter] = list(self.options)
        if self.argument:
            kind = click.Choice(self.choices) if self.choices else None
            params.insert(0, click.Argument([self.argument], type=kind))
        return click.Command(self.name, callback=pass_project(self._run), params=params, help=self.help)

    def _run(self, project: Project, **options: Any) -> None:  # noqa: ANN401 - of the command
        arguments = {self.argument: options.pop(self.argument)} if self.argument else {}
        if self.run is not None:
            self.run(self, project, *arguments.values(), **options)
        else:
            stage = self.stage.format(**arguments)
            run_stage(project, stage, lambda: self.load()(project, *arguments.values()))


def _train(stage: StageCommand, project: Project, name: str, again: bool) -> None:
    """Train; several processes of torchrun share a training, and the first of them tells its metrics."""
    from sartext.release.pictures import SourcePictures
    from sartext.tracking.tracker import Tracker
    from sartext.training.distribution import rank

    folder = project.checkpoint(name)
    # one that was killed after it wrote its model still has its state, and goes on
    if (folder / "training.json").is_file() and not (project.build / "resume" / name).exists() and not again:
        raise TrainingError(
            f"'{name}' is trained already",
            where=project.relative(folder),
            way_out=f"`sartext train {name} --again` trains it anew; `dvc repro` does where something changed",
        )
    title = f"{'model' if name in project.parameters.models else 'checkpoint'}@{name}"
    if rank() == 0:
        callbacks, withheld = [Tracker(project, title)], SourcePictures(project).read
        run_stage(project, title, lambda: stage.load()(project, name, callbacks=callbacks, withheld=withheld))
    else:
        stage.load()(project, name)


def _judge(stage: StageCommand, project: Project, strict: bool) -> None:
    """Judge the candidate; only a strict judgement ends with an error."""
    metrics = run_stage(project, stage.stage, lambda: stage.load()(project))
    if strict and not metrics.get("passed"):
        raise GateError(
            "the gate refuses the candidate",
            where=project.build / "quality" / "gate.json",
            way_out="open build/docs/index.html",
        )


AGAIN = click.Option(["--again"], is_flag=True, help="Also where it is trained already.")
STRICT = click.Option(["--strict"], is_flag=True, help="Exit 1 if the verdict is a refusal.")

STAGES = Registry(
    "stage",
    (
        StageCommand(
            "corpus",
            "corpus@{name}",
            "sartext.corpora.index:build_index",
            "Index a source corpus (stage corpus@NAME).",
        ),
        StageCommand(
            "splits", "splits", "sartext.release.splits:decide_splits", "Decide duplicates, groups and splits."
        ),
        StageCommand(
            "lists",
            "lists",
            "sartext.release.inputs:write_lists",
            "Write which corpora are captioned, beside their captions.",
        ),
        StageCommand(
            "captions",
            "captions@{name}",
            "sartext.narrator.stage:caption_corpus",
            "Caption a labelled corpus (stage captions@NAME).",
        ),
        StageCommand(
            "rewrite",
            "rewritten@{name}",
            "sartext.llm.stage:rewrite_corpus",
            "Put optical captions of pairs into other words by a language model (stage rewritten@NAME).",
        ),
        StageCommand(
            "tokenizer",
            "tokenizer",
            "sartext.training.tokenizer_stage:make_tokenizer",
            "Train the small tokenizer on the captions of the train split.",
        ),
        StageCommand(
            "shards",
            "{data}-shards",
            "sartext.training.shards.writing:write_shards",
            "Write the shards of optical, sar or release pairs that models learn from (stages DATA-shards).",
        ),
        StageCommand(
            "train",
            "checkpoint@{name}",
            "sartext.training.stage:train",
            "Train a model of the tables `checkpoints` and `models` (stages checkpoint@NAME and model@NAME).\n\n"
            "torchrun shares a training of open_clip's losses among processes.",
            options=(AGAIN,),
            run=_train,
        ),
        StageCommand(
            "take",
            "pinned@{name}",
            "sartext.training.pinning:take",
            "Take a checkpoint that was trained before as it is (stage pinned@NAME).",
        ),
        StageCommand(
            "calibrate",
            "calibration",
            "sartext.captioner.calibration:calibrate",
            "Find the narrator's thresholds on validation images (stage calibration).",
        ),
        StageCommand(
            "optical-captions",
            "optical-captions@{name}",
            "sartext.captioner.optical:caption_optical_halves",
            "Caption pairs by what coca-optical says of their optical halves (stage optical-captions@NAME).",
        ),
        StageCommand(
            "narrate",
            "narrated@{name}",
            "sartext.captioner.narration:narrate",
            "Caption an unlabelled corpus by the narrator (stage narrated@NAME).",
        ),
        StageCommand(
            "candidate",
            "candidate",
            "sartext.release.candidate:build_candidate",
            "Join captions, splits and licences into the candidate, and write the ledger.",
        ),
        StageCommand(
            "quality",
            "quality",
            "sartext.release.gate.running:run_gate",
            "Judge the candidate; the verdict is data, the release obeys it.",
            options=(STRICT,),
            run=_judge,
        ),
        StageCommand(
            "assemble",
            "release",
            "sartext.release.assembly:assemble",
            "Assemble build/release from a candidate that the gate let through (stage release).",
            group="release",
        ),
        StageCommand(
            "publish",
            "publication",
            "sartext.release.publication:publish",
            "Publish build/release as an immutable version, unless nothing changed (stage publication).",
            group="release",
        ),
        StageCommand(
            "evaluation",
            "evaluation@{task}",
            "sartext.evaluation.stages:evaluate_task",
            "Evaluate the project's models on the release (stage evaluation@TASK).",
            choices=TASKS,
        ),
        StageCommand(
            "report",
            "report",
            "sartext.report.stage:write_report",
            "Write the page of all evaluations (stage report).",
        ),
        StageCommand(
            "promote",
            "promotion",
            "sartext.tracking.promotion:promote",
            "Bring the report to MLflow and name the champions in its registry (stage promotion).",
        ),
    ),
)


def commands(group: str = "") -> Iterator[click.Command]:
    """Yield the commands of the stages that are in a group, or in none."""
    return (stage.command() for stage in STAGES if stage.group == group)
