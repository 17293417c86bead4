"""The stage ``evaluation@grounding``: where the grounder finds objects, land cover and scenes in test images."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, partial

import torch

from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.corpora.masks import squashed_mask
from sartext.errors import ArtefactError, EvaluationError
from sartext.evaluation.benchmarks import RELEASE_TEST, Example
from sartext.evaluation.details import BASELINES, COMMONEST, Details, Variant
from sartext.evaluation.figures import Figure
from sartext.evaluation.grounding_answers import Answer, Classes, Known, answer_of, commonest, known_of
from sartext.evaluation.grounding_figures import MEANS, Scored, grounding_figures, score_answer
from sartext.evaluation.stages import rows_of, write_evaluation
from sartext.evaluation.stages.models import project_benchmarks, stage_of, training_of
from sartext.models.grounder.checkpoint import Grounder, load_grounder
from sartext.models.grounder.evidence import read_map_model
from sartext.models.grounder.maps import ground
from sartext.models.grounder.truth import cover_codes
from sartext.models.model import device_of
from sartext.models.squashing import squash
from sartext.narrator.methods import ANNOTATED
from sartext.progress import track
from sartext.release.pictures import SourcePictures

BATCH = 32
"""Pictures that the grounder sees at a time."""


def evaluate(project: Project) -> dict[str, object]:
    """Ground the annotated images of every benchmark, and write ``build/evaluation/grounding``.

    Raises:
        ArtefactError: the grounder is not trained, its maps are not fitted, or no release is assembled.
        EvaluationError: there is no grounder, or nothing to evaluate on.
    """
    name, evaluation = project.parameters.grounder, project.parameters.evaluation
    if name is None:
        raise EvaluationError(
            "there is no grounder to evaluate",
            where="params.yaml: checkpoints",
            way_out="list one, a row with `task: grounding`",
        )
    benchmarks = project_benchmarks(project)
    folder = project.checkpoint(name)
    if not folder.is_dir():
        raise ArtefactError("the grounder is not trained", where=folder, way_out=f"run `sartext train {name}`")
    torch.set_num_threads(project.parameters.training.threads)
    grounder = load_grounder(folder, device=device_of(project.parameters.training.device))
    main = benchmarks[RELEASE_TEST]
    pictures = _Pictures(project, grounder)
    known = pictures.known(main.examples)
    blind = commonest(pictures.known(main.train), grounder.config.stuff)
    scored: dict[str, list[Scored]] = {name: [], COMMONEST: []}
    maps = read_map_model(project.calibration, grounder=grounder.sha256)
    parts = [known[first : first + BATCH] for first in range(0, len(known), BATCH)]
    for part in track(parts, "grounding", len(parts)):
        seen = ground(grounder, [squash(main.read(each.image_id), grounder.config.side) for each in part])
        for each, grounding in zip(part, seen, strict=True):
            answer = answer_of(grounding, maps, grounder.config.stride)
            constant = blind.get(each.corpus, Answer({}, {}, {}, {}, answer.cover * 0 + len(grounding.stuff), ""))
            mask = pictures.mask(each)
            for variant, said in ((name, answer), (COMMONEST, constant)):
                classes = grounder.config.things, grounder.config.stuff
                scored[variant].append(score_answer(each, mask, said, *classes))
    figures: list[Figure] = []
    tables: dict[str, list[Mapping[str, object]]] = {}
    for benchmark in benchmarks.values():
        own = {example.image_id for example in benchmark.examples}
        places = [at for at, each in enumerate(known) if each.image_id in own]
        of_variants = {variant: [of[at] for at in places] for variant, of in scored.items()}
        tested = [known[at] for at in places]
        figures += grounding_figures(
            of_variants,
            tested,
            benchmark=benchmark.name,
            resamples=evaluation.resamples,
            seed=evaluation.seed,
            pairs=[(name, COMMONEST)],
        )
        for variant, of in of_variants.items():
            tables[f"scores/{benchmark.name}/{variant}"] = list(_rows(tested, of))
    details = Details((_described(project, name, grounder), BASELINES[COMMONEST]), rows_of(benchmarks.values()))
    return write_evaluation(project, "grounding", figures, details, main.read, tables=tables)


class _Pictures:
    """What the annotated images of a project are known to show."""

    def __init__(self, project: Project, grounder: Grounder) -> None:
        self._project, self._config = project, grounder.config
        self._sources = SourcePictures(project)
        self._entry = cache(partial(find_entry, project))

    def known(self, examples: Iterable[Example]) -> list[Known]:
        """Return what those of the examples show whose captions are made from annotations, in order."""
        annotated = [example for example in examples if example.method in ANNOTATED]
        rows = (self._sources.row(example.image_id) for example in annotated)
        return [
            known_of(example, row, self._entry(example.corpus), self._config.side)
            for example, row in zip(annotated, rows, strict=True)
        ]

    def mask(self, known: Known) -> Classes | None:
        """Return the class of each pixel of model input, None where there is no mask."""
        entry = self._entry(known.corpus)
        codes = squashed_mask(self._project.root, self._sources.row(known.image_id), entry, self._config.side)
        return None if codes is None else cover_codes(entry, self._config.stuff)[codes]


def _described(project: Project, name: str, grounder: Grounder) -> Variant:
    training = training_of(project, name)
    samples = int(training["samples"])
    return Variant(
        name=name,
        title="taught boxes, masks and scenes of annotated SAR images as maps",
        role="model",
        kind="grounder",
        origin=str(training["checkpoint"]["from"]),
        samples=samples,
        sar_samples=samples,
        weights=sum(parameter.numel() for parameter in grounder.network.parameters()),
        model_sha256=grounder.sha256,
        stages=(stage_of(project, name),),
        registered=name,
        pretrained=grounder.config.foundation.pretrained is not None,
    )


def _rows(pictures: Sequence[Known], scored: Sequence[Scored]) -> Iterator[Mapping[str, object]]:
    """What each picture adds to the figures."""
    for known, each in zip(pictures, scored, strict=True):
        peaks = [hit for detected in each.detected.values() for hit in detected.right]
        yield {
            "image_id": known.image_id,
            "objects": sum(detected.objects for detected in each.detected.values()),
            "peaks": len(peaks),
            "right_peaks": sum(peaks),
            "right_pixels": sum(right for right, _, _ in each.cover.values()),
            "pixels": sum(true for _, _, true in each.cover.values()),
            **{metric: each.means.get(metric, "") for metric in MEANS},
        }
