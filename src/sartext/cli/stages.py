"""The stages of ``dvc.yaml``, from the index of a corpus to the gate's verdict; what obeys it is in `release`."""

import click

from sartext.cli.reporting import run_stage
from sartext.config import Project
from sartext.errors import GateError


@click.command()
@click.argument("name")
@click.pass_obj
def corpus(project: Project, name: str) -> None:
    """Index a source corpus (stage corpus@NAME)."""
    from sartext.corpora.index import build_index

    run_stage(project, f"corpus@{name}", lambda: build_index(project, name))


@click.command()
@click.argument("name")
@click.pass_obj
def captions(project: Project, name: str) -> None:
    """Caption a labelled corpus (stage captions@NAME)."""
    from sartext.narrator.stage import caption_corpus

    run_stage(project, f"captions@{name}", lambda: caption_corpus(project, name))


@click.command()
@click.pass_obj
def splits(project: Project) -> None:
    """Decide duplicates, groups and splits."""
    from sartext.release.splits import decide_splits

    run_stage(project, "splits", lambda: decide_splits(project))


@click.command()
@click.pass_obj
def tokenizer(project: Project) -> None:
    """Train the small tokenizer on the captions of the train split."""
    from sartext.training.tokenizer_stage import make_tokenizer

    run_stage(project, "tokenizer", lambda: make_tokenizer(project))


@click.command()
@click.pass_obj
def lists(project: Project) -> None:
    """Write which corpora are captioned, beside their captions."""
    from sartext.release.lists import write_lists

    run_stage(project, "lists", lambda: write_lists(project))


@click.command()
@click.argument("data")
@click.pass_obj
def shards(project: Project, data: str) -> None:
    """Write the shards of optical, sar or release pairs that models learn from (stages DATA-shards)."""
    from sartext.training.shards.writing import write_shards

    run_stage(project, f"{data}-shards", lambda: write_shards(project, data))


@click.command()
@click.argument("name")
@click.pass_obj
def train(project: Project, name: str) -> None:
    """Train a model of the tables `checkpoints` and `models` (stages checkpoint@NAME and model@NAME).

    torchrun shares a training of open_clip's losses among processes.
    """
    from sartext.config.training import GptParameters
    from sartext.tracking.tracker import Tracker
    from sartext.training.distribution import rank

    stage = f"{'model' if name in project.parameters.models else 'checkpoint'}@{name}"
    if isinstance(project.parameters.models.get(name), GptParameters):
        from sartext.release.pictures import SourcePictures
        from sartext.training.gpt.stage import train_gpt

        read = SourcePictures(project).read
        run_stage(
            project, stage, lambda: train_gpt(project, name, withheld=read, callbacks=[Tracker(project, stage)])
        )
        return
    from sartext.training.stage import train as run

    if rank() == 0:
        run_stage(project, stage, lambda: run(project, name, callbacks=[Tracker(project, stage)]))
    else:
        run(project, name)


@click.command()
@click.pass_obj
def calibrate(project: Project) -> None:
    """Find the narrator's thresholds on validation images (stage calibration)."""
    from sartext.captioner.calibration import calibrate as run

    run_stage(project, "calibration", lambda: run(project))


@click.command()
@click.argument("name")
@click.pass_obj
def narrate(project: Project, name: str) -> None:
    """Caption an unlabelled corpus by the narrator (stage narrated@NAME)."""
    from sartext.captioner.narration import narrate as run

    run_stage(project, f"narrated@{name}", lambda: run(project, name))


@click.command("optical-captions")
@click.argument("name")
@click.pass_obj
def optical_captions(project: Project, name: str) -> None:
    """Caption pairs by what coca-optical says of their optical halves (stage optical-captions@NAME)."""
    from sartext.captioner.optical import caption_optical_halves

    run_stage(project, f"optical-captions@{name}", lambda: caption_optical_halves(project, name))


@click.command()
@click.pass_obj
def candidate(project: Project) -> None:
    """Join captions, splits and licences into the candidate, and write the ledger."""
    from sartext.release.candidate import build_candidate

    run_stage(project, "candidate", lambda: build_candidate(project))


@click.command()
@click.option("--strict", is_flag=True, help="Exit 1 if the verdict is a refusal.")
@click.pass_obj
def quality(project: Project, strict: bool) -> None:
    """Judge the candidate; the verdict is data, the release obeys it."""
    from sartext.release.gate import run_gate

    metrics = run_stage(project, "quality", lambda: run_gate(project))
    if strict and not metrics.get("passed"):
        raise GateError(
            "the gate refuses the candidate",
            where=project.build / "quality" / "gate.json",
            way_out="open build/docs/index.html",
        )
