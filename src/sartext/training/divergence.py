"""A training whose figures are no numbers stops, and says at which step and by which images."""

from collections.abc import Callable, Iterable, Mapping

from sartext.errors import DivergenceError

NAMES = {"contrastive": "contrastive loss", "caption": "caption loss", "gradient_norm": "gradient norm"}


def check_step(step: int, figures: Mapping[str, float], images: Callable[[], Iterable[str]]) -> None:
    """Require finite figures of a step.

    Args:
        step: from 1.
        figures: losses, and the norm of the gradient.
        images: gives the names of the images of the batch, of all processes.

    Raises:
        DivergenceError: a loss or the norm is no number.
    """
    wrong = [name for name in NAMES if not _finite(figures.get(name))]
    if wrong:
        raise DivergenceError(
            f"the {NAMES[wrong[0]]} is {figures[wrong[0]]} at step {step}, with the images {', '.join(images())}",
            where="training",
            way_out="look at these images, or lower `learning_rate`; the weights of this step are not kept",
        )


def check_validation(step: int, figures: Mapping[str, float]) -> None:
    """Require finite losses of the validation pairs.

    Raises:
        DivergenceError: a loss is no number.
    """
    wrong = [name for name in ("loss", "contrastive", "caption") if not _finite(figures.get(name))]
    if wrong:
        raise DivergenceError(
            f"the {NAMES.get(wrong[-1], 'loss')} of the validation pairs is {figures[wrong[-1]]} at step {step}",
            where="training",
            way_out="lower `learning_rate` or `training.clip_norm`; the weights of this step are not kept",
        )


def _finite(value: float | None) -> bool:
    return value is None or abs(value) < float("inf")
