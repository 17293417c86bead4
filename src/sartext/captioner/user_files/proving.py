"""A narrator for a user's own files: a CoCa's folder, what lies beside it, and the thresholds found for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sartext.captioner.calibrated import Calibration, read_calibration
from sartext.captioner.captioner import Captioner
from sartext.captioner.domain import Domain
from sartext.captioner.explanation import Explained, save_explanation
from sartext.captioner.narrator import Narrator
from sartext.captioner.proof import Decision, decide
from sartext.captioner.user_files.rows import Origin, Row
from sartext.errors import ArtefactError, ModelError
from sartext.files import sha256_file
from sartext.models.checkpoint import load
from sartext.models.grounder.checkpoint import load_grounder
from sartext.models.grounder.evidence import THRESHOLDS, read_thresholds
from sartext.models.model import Model
from sartext.models.squashing import Pixels, squash
from sartext.models.weights import WEIGHTS, read_record
from sartext.narrator.facts import to_json
from sartext.narrator.faithfulness import contradictions
from sartext.narrator.methods import GROUNDER, NARRATOR
from sartext.narrator.realisation import canonical

RAW = "take --raw for the model's own words, which nothing proves"


@dataclass(frozen=True)
class Prover:
    """A narrator with its calibration, and the SHA-256 of its file; ``explain`` is a folder for explanations."""

    narrator: Narrator
    calibration: Calibration
    calibration_sha256: str
    explain: Path | None = None

    @property
    def origin(self) -> Origin:
        """What its rows are made by."""
        return Origin(str(self.narrator.captioner.coca.sha256), self.calibration_sha256)

    @property
    def domain(self) -> Domain:
        """What it was taught."""
        return self.calibration.domain

    @property
    def side(self) -> int | None:
        """The one side of all its models in pixels; None where they have several: then pictures stay whole."""
        captioner = self.narrator.captioner
        sides = {captioner.coca.side, captioner.clip.side, self.narrator.grounder.config.side}
        sides.add(self.calibration.domain.side)
        return sides.pop() if len(sides) == 1 else None

    def rows(self, images: Sequence[tuple[Path, Pixels]]) -> list[Row]:
        """Caption pictures, all at a time, by the statements that are proven; of none the caption is empty."""
        calibration, rows = self.calibration, []
        looks = self.narrator.look_at_once([picture for _, picture in images])
        for (path, picture), (written, grounding) in zip(images, looks, strict=True):
            decision = decide(written, grounding, calibration.maps, calibration.vocabulary, calibration.rules)
            caption, method = worded(decision)
            proofs = decision.proofs if caption else ()
            unlike = unlike_in(calibration.domain, picture)
            if self.explain is not None:
                explained = Explained(picture, grounding, caption, proofs, unlike)
                save_explanation(self.explain / explanation_name(path), explained, calibration.maps)
            rows.append(
                Row(
                    path.as_posix(),
                    caption,
                    written.log_probability,
                    written.finished,
                    *self.origin,
                    method,
                    decision.score if caption else None,
                    decision.record(self.narrator.grounder.sha256) if caption else "",
                    written.text,
                    ", ".join(unlike),
                )
            )
        return rows


def worded(decision: Decision) -> tuple[str, str]:
    """Return the caption of what is proven, and its method; both empty where nothing is."""
    if decision.facts is None:
        return "", ""
    method, text = GROUNDER if decision.by_map_alone else NARRATOR, canonical(decision.facts)
    return ("", "") if contradictions(text, to_json(decision.facts), method.name, None) else (text, method.name)


def unlike_in(domain: Domain, picture: Pixels) -> tuple[str, ...]:
    """Return in which figures a picture of any size is unlike the training pictures."""
    return domain.unlike(squash(picture, domain.side))


def explanation_name(path: Path) -> str:
    """Return the name of an image's explanation by its whole path: ``scenes-a.tif.png`` of ``scenes/a.tif``."""
    parts = [part for part in path.parts if part not in {path.anchor, ".."}]
    return f"{'-'.join(parts)}.png"


def load_prover(
    model: Path, coca: Model, *, calibration: Path | None = None, batch: int = 32, explain: Path | None = None
) -> Prover:
    """Return the narrator of a CoCa: its CLIP and its grounder lie beside its folder.

    Args:
        model: the folder of the CoCa.
        coca: read from there.
        calibration: what the stage `calibration` wrote; by default the folder of that name beside that of the
            checkpoints, as the project lays them out.
        batch: pictures at a time.
        explain: a folder for an explanation of each caption.

    Raises:
        ArtefactError: there are no thresholds for this model.
        ModelError: a checkpoint that they name is not beside it, or cannot be loaded.
    """
    folder = calibration or calibration_of(model)
    if not (folder / THRESHOLDS).is_file():
        way_out = f"run `sartext calibrate`, name a folder that has them by --calibration, or {RAW}"
        raise ArtefactError("no thresholds go with the model", where=folder / THRESHOLDS, way_out=way_out)
    try:
        known = read_calibration(folder, coca=coca.sha256)
    except ArtefactError as error:
        way_out = f"{error.way_out}, name another folder by --calibration, or {RAW}"
        raise ArtefactError(error.what, where=error.where, way_out=way_out) from error
    clip = load(_beside(model, "clip", known), device=coca.device, expected_kind="clip")
    grounder = load_grounder(_beside(model, "grounder", known), device=coca.device)
    captioner = Captioner(coca, clip, known.length, known.beams, batch)
    return Prover(Narrator(captioner, grounder), known, sha256_file(folder / THRESHOLDS), explain)


def domain_of_model(model: Path, coca: Model, calibration: Path | None = None) -> Domain | None:
    """Return what a CoCa was taught, None where no thresholds of it say so; arguments as of `load_prover`."""
    folder = calibration or calibration_of(model)
    if not (folder / THRESHOLDS).is_file():
        return None
    if read_thresholds(folder).get("coca_sha256") != coca.sha256:
        return None
    return read_calibration(folder).domain


def calibration_of(model: Path) -> Path:
    """Return the folder of a project's thresholds, by that of one of its checkpoints."""
    return model.resolve().parent.parent / "calibration"


def _beside(model: Path, name: str, calibration: Calibration) -> Path:
    """The folder beside a model's with the weights that the thresholds were found with."""
    wanted, parent = calibration.models[name], model.resolve().parent
    for folder in sorted(path for path in parent.iterdir() if (path / WEIGHTS).is_file()):
        if (read_record(folder).get("model_sha256") or sha256_file(folder / WEIGHTS)) == wanted:
            return folder
    raise ModelError(
        f"the {name} that the thresholds were found with (weights {wanted[:12]}...) is not beside the model",
        where=parent,
        way_out=f"copy its folder there, run `sartext calibrate` again, or {RAW}",
    )
