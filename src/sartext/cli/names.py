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
    _require_corpora(project)
    _require_methods(project)
    _require_champions(project)
    _require_formats(project)


def name_finding(project: Project) -> Finding:
    """Return what `require_known_names` says as a finding of ``sartext doctor``."""
    try:
        require_known_names(project)
    except SarTextError as error:
        return Finding("missing", "names", str(error))
    return Finding("ok", "names", "all of params.yaml are known")


def _require_corpora(project: Project) -> None:
    from sartext.catalogue import find_entry

    for name in project.parameters.corpora:
        find_entry(project, name)


def _require_methods(project: Project) -> None:
    from sartext.narrator.methods import METHODS

    for checkpoint, row in project.parameters.checkpoints.items():
        for method in row.methods:
            METHODS.get(method, where=f"params.yaml: checkpoints.{checkpoint}.methods")


def _require_champions(project: Project) -> None:
    parameters = project.parameters
    trained = [*parameters.checkpoints, *parameters.models]
    for model in parameters.champions:
        if model not in trained:
            raise ParameterError(
                f"no model '{model}' is trained", where="params.yaml: champions", way_out=nearest(model, trained)
            )


def _require_formats(project: Project) -> None:
    from sartext.release.formats import FORMATS

    for name in project.parameters.release.formats:
        FORMATS.get(name, where="params.yaml: release.formats")
