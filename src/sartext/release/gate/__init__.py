"""The quality gate: which candidate may become a release."""

from sartext.config import Project


def run_gate(project: Project) -> dict[str, object]:
    """Check the candidate and write the verdict to ``build/quality/gate.json`` (stage ``quality``).

    A failed verdict is data, not an error: the stage ``release`` reads it and refuses.

    Raises:
        ArtefactError: there is no candidate to check.
    """
    from sartext.release.gate.running import run

    return run(project)
