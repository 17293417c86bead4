"""The narrator: a CoCa that proposes captions, a CLIP that judges them, and a grounder that sees what is there."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sartext.captioner.captioner import AdaptiveBatch, Captioner, ModelCaption, batches, load_captioner
from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.models.grounder.checkpoint import Grounder, load_grounder
from sartext.models.grounder.maps import Grounding, ground
from sartext.models.model import device_of
from sartext.models.squashing import Pixels, squash

SETTING = "`narration.batch`"


@dataclass(frozen=True)
class Narrator:
    """What captions unlabelled SAR images."""

    captioner: Captioner
    grounder: Grounder

    def look(self, pictures: Iterable[Pixels]) -> Iterator[tuple[ModelCaption, Grounding]]:
        """Yield for each picture CoCa's caption, judged by the CLIP, and what the grounder sees."""
        adaptive = AdaptiveBatch(self.captioner.batch, SETTING)
        for batch in batches(pictures, self.captioner.batch):
            yield from adaptive.map(batch, self.look_at_once)

    def look_at_once(self, pictures: Sequence[Pixels]) -> list[tuple[ModelCaption, Grounding]]:
        """Return the same of a few pictures, all at a time."""
        written = self.captioner.write_and_judge(pictures)
        return list(zip(written, self._grounded(pictures), strict=True))

    def ground(self, pictures: Iterable[Pixels]) -> Iterator[Grounding]:
        """Yield what the grounder sees in pictures."""
        adaptive = AdaptiveBatch(self.captioner.batch, SETTING)
        for batch in batches(pictures, self.captioner.batch):
            yield from adaptive.map(batch, self._grounded)

    def _grounded(self, pictures: Sequence[Pixels]) -> list[Grounding]:
        return ground(self.grounder, [squash(picture, self.grounder.config.side) for picture in pictures])


def load_narrator(project: Project) -> Narrator:
    """Load ``coca-sar``, ``clip-sar`` and the grounder of a project.

    Raises:
        ArtefactError: a checkpoint is missing.
        ModelError: it cannot be loaded, or is of another kind.
    """
    captioner = load_captioner(project, "coca-sar")
    return Narrator(captioner, load_project_grounder(project))


def load_project_grounder(project: Project) -> Grounder:
    """Load the grounder of a project; errors as `load_narrator`."""
    name = project.parameters.grounder
    if name is None:
        raise ArtefactError(
            "no grounder is among the checkpoints",
            where="params.yaml: checkpoints",
            way_out="add a row with `task: grounding`, as in the embedded profile",
        )
    folder = project.checkpoint(name)
    if not folder.is_dir():
        raise ArtefactError("the checkpoint is missing", where=folder, way_out=f"run `sartext train {name}`")
    return load_grounder(folder, device=device_of(project.parameters.training.device))
