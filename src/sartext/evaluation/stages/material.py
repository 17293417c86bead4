"""What a project evaluates on: the benchmarks of its release, with pictures and boxes that the release lacks."""

from sartext.config import Project
from sartext.evaluation.benchmarks import Benchmark, Sources, open_benchmarks
from sartext.release.pictures import SourcePictures


def project_benchmarks(project: Project) -> dict[str, Benchmark]:
    """Return the benchmarks of the assembled release, by name; none of their pictures is withheld from its maker.

    Raises:
        EvaluationError: no release is assembled, or its test split is empty.
        ArtefactError: an index is missing.
    """
    sources = SourcePictures(project)
    return open_benchmarks(
        project.build / "release",
        Sources(
            picture=lambda row: sources.read(row["image_id"]),
            boxes=lambda image_id: list(sources.row(image_id)["objects"]),
        ),
    )
