"""The stage ``evaluation@vqa``: what SAR-GPT and those that see nothing answer about the test images."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch

from sartext.config import Project
from sartext.config.training import GptParameters
from sartext.errors import ArtefactError
from sartext.evaluation.details import BASELINES, CONSTANT, CONSTANT_PER_CORPUS, Details, Role, Variant, VqaExample
from sartext.evaluation.figures import Figure
from sartext.evaluation.stages import rows_of, spaced, write_evaluation
from sartext.evaluation.stages.models import gpt_rows, project_benchmarks, stage_of, training_of
from sartext.evaluation.vqa import Answers, answers_rows, constant_answers, score_vqa
from sartext.models.gpt.checkpoint import load_gpt
from sartext.models.gpt.language import read_language
from sartext.models.gpt.model import Gpt, answer_each
from sartext.models.model import device_of
from sartext.progress import track
from sartext.vqa.question import TYPES, Question, read_splits

EXAMPLES = 3
"""Questions shown of each type."""


def evaluate(project: Project) -> dict[str, object]:
    """Answer the questions of every benchmark, score the answers, and write ``build/evaluation/vqa``.

    Raises:
        ArtefactError: a model is not trained, or the release has no questions.
        EvaluationError: there is nothing to evaluate on.
    """
    evaluation = project.parameters.evaluation
    benchmarks = project_benchmarks(project)
    splits = read_splits(project.build / "release")
    train = splits.get("train", [])
    asked = {}
    for name, benchmark in benchmarks.items():
        images = {example.image_id for example in benchmark.examples}
        asked[name] = [question for question in splits.get("test", []) if question.image_id in images]
    answers: dict[str, dict[str, Answers]] = {name: {} for name in benchmarks}
    variants: list[Variant] = []
    torch.set_num_threads(project.parameters.training.threads)
    rows = gpt_rows(project)
    for variant, row in track(iter(rows.items()), "models", len(rows)):
        folder = project.checkpoint(variant)
        if not folder.is_dir():
            raise ArtefactError("the model is not trained", where=folder, way_out=f"run `sartext train {variant}`")
        model = load_gpt(folder, device=device_of(project.parameters.training.device))
        variants.append(_described(project, variant, row, model))
        for name, benchmark in benchmarks.items():
            questions = [(question.id, question.image_id, question.text) for question in asked[name]]
            answers[name][variant] = answer_each(model, questions, benchmark.read)
    figures: list[Figure] = []
    tables: dict[str, list[dict[str, str | bool]]] = {}
    for name, questions_of in asked.items():
        answers[name] |= constant_answers(train, questions_of)
        figures += score_vqa(
            answers[name],
            questions_of,
            benchmark_name=name,
            resamples=evaluation.resamples,
            seed=evaluation.seed,
            pairs=evaluation.pairs(answers[name]),
        )
        for variant, of_variant in answers[name].items():
            tables[f"answers/{name}/{variant}"] = answers_rows(of_variant, questions_of)
    main = next(iter(benchmarks.values()))
    details = Details(
        variants=(*variants, BASELINES[CONSTANT], BASELINES[CONSTANT_PER_CORPUS]),
        benchmarks=rows_of(benchmarks.values()),
        questions=tuple(_examples(asked[main.name], answers[main.name])),
        chosen={"questions": f"{EXAMPLES} questions of each type, evenly spaced in the order of their ids."},
    )
    return write_evaluation(project, "vqa", figures, details, main.read, tables=tables)


def _described(project: Project, name: str, row: GptParameters, model: Gpt) -> Variant:
    title, role = _title_and_role(row)
    record = training_of(project, name)
    optical = record.get("optical") or {"samples": 0}
    return Variant(
        name=name,
        title=title,
        role=role,
        kind="gpt",
        origin=row.origin,
        samples=optical["samples"] + record["samples"],
        sar_samples=record["samples"],
        weights=sum(parameter.numel() for parameter in model.network.parameters()),
        model_sha256=model.sha256,
        stages=(stage_of(project, name),),
        registered=name,
        blind=not row.images,
        pretrained=read_language(project.root / row.language).pretrained is not None,
    )


def _title_and_role(row: GptParameters) -> tuple[str, Role]:
    """What a model is: in the title, and in the comparison."""
    if not row.images:
        return "the language model alone: it sees no image", "baseline"
    if not row.optical_samples:
        return "one stage: no optical questions before those on SAR images", "arm"
    return f"the tower of {Path(row.origin).name} and a language model, optical and then SAR questions", "model"


def _examples(questions: Sequence[Question], answers: Mapping[str, Answers]) -> Iterator[VqaExample]:
    for kind in TYPES:
        for question in spaced([item for item in questions if item.type == kind], EXAMPLES):
            given = {variant: of_variant[question.id] for variant, of_variant in answers.items()}
            yield VqaExample(question.id, question.image_id, kind, question.text, question.answer, given)
