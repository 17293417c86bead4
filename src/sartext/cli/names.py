"""Are the names in ``params.yaml`` known? Asked before a long build, not after an hour of it."""

from sartext.config import Project
from sartext.doctor import Finding
from sartext.errors import ParameterError, SarTextError, nearest


def require_known_names(project: Project) -> None:
    """Check every name of the parameters that a registry or the catalogue defines.

    Raises:
        ParameterError: a name is unknown; the message holds the nearest one.
        CatalogueError: a catalogue file is wrong.
    """
    for require in (_require_formats, _require_methods, _require_champions, _require_release_formats):
        require(project)


def name_finding(project: Project) -> Finding:
    """Return what `require_known_names` says as a finding of ``sartext doctor``."""
    try:
        require_known_names(project)
    except SarTextError as error:
        return Finding("missing", "names", str(error))
    return Finding("ok", "names", "all of params.yaml are known")


def _require_formats(project: Project) -> None:
    """The annotation formats of the corpora's catalogue files."""
    from sartext.catalogue import find_entry
    from sartext.corpora.formats import FORMATS

    for name, corpus in project.parameters.corpora.items():
        if annotations := find_entry(project, name).annotations:
            FORMATS.get(annotations.format, where=f"{corpus.catalogue}: annotations.format")


def _require_methods(project: Project) -> None:
    """The caption methods that trainings learn from."""
    from sartext.narrator.methods import METHODS

    for name, row in project.parameters.trainings.items():
        section = "checkpoints" if name in project.parameters.checkpoints else "models"
        for method in row.methods:
            METHODS.get(method, where=f"params.yaml: {section}.{name}.methods")


def _require_champions(project: Project) -> None:
    """The models that may become champions, and the metrics of their thresholds."""
    from sartext.evaluation.registry import metric_named

    parameters = project.parameters
    trained = [*parameters.checkpoints, *parameters.models]
    for model, thresholds in parameters.champions.items():
        where = f"params.yaml: champions.{model}"
        if model not in trained:
            raise ParameterError(f"no model '{model}' is trained", where=where, way_out=nearest(model, trained))
        for name in thresholds:
            metric_named(name, where=where)


def _require_release_formats(project: Project) -> None:
    """The formats that a release is written in."""
    from sartext.release.formats import FORMATS

    for name in project.parameters.release.formats:
        FORMATS.get(name, where="params.yaml: release.formats")
