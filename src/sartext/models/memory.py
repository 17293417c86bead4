"""When memory runs out: what fits, and what to set."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import nn

from sartext.config.training import TrainingParameters
from sartext.errors import TrainingError

SIGNS = ("out of memory", "not enough memory", "can't allocate memory", "cannot allocate memory")


def is_shortage(error: BaseException) -> bool:
    """Whether an error says that there is no memory left, on a GPU or on the machine."""
    is_said = isinstance(error, RuntimeError | OSError) and any(sign in str(error).lower() for sign in SIGNS)
    return is_said or isinstance(error, MemoryError | torch.OutOfMemoryError)


@contextmanager
def shortage_told(explain: Callable[[], TrainingError]) -> Iterator[None]:
    """Turn a shortage of memory inside the block into the error that ``explain`` makes.

    It is called after what did not fit has been let go.
    """
    try:
        yield
        return
    except Exception as error:
        if not is_shortage(error):
            raise
        shortage = error.with_traceback(None)  # its frames hold the tensors that did not fit
    raise explain() from shortage


def explained(
    parameters: TrainingParameters, world: int, attempt: Callable[[int], None]
) -> AbstractContextManager[None]:
    """Turn a shortage of memory inside the block into an error that says which batch fits.

    ``attempt`` computes the gradients of so many pairs in one part. One of several processes (``world``) does not
    try: the others wait for it, and a backward pass of the network would take part in what they wait for.
    """

    def explain() -> TrainingError:
        part = parameters.batch // (world * parameters.accumulate)
        fitting = _largest_fitting(part, attempt) if world == 1 else part // 2
        known = f"; {fitting} fit" if world == 1 else ""
        return TrainingError(
            f"out of memory with {part} pairs at a time{known if fitting else '; not even one pair fits'}",
            where=f"a batch of {parameters.batch}, training.accumulate {parameters.accumulate}",
            way_out=_way_out(parameters, world, fitting),
        )

    return shortage_told(explain)


def placed(network: nn.Module, device: torch.device) -> AbstractContextManager[None]:
    """Turn a shortage of memory while a network or its optimiser is brought to a device into an error."""

    def explain() -> TrainingError:
        needed = 4 * sum(parameter.nbytes for parameter in network.parameters())  # weights, gradients, two moments
        return TrainingError(
            "out of memory: the model does not fit, whose training takes "
            f"{needed / 1e9:.1f} GB before the first pair",
            where=device,
            way_out="end what else holds memory there, take a smaller model, or a machine with more memory",
        )

    return shortage_told(explain)


def _largest_fitting(part: int, attempt: Callable[[int], None]) -> int:
    """The largest of ``part / 2, part / 4, ...`` pairs that can be computed at a time, or 0."""
    while part > 1:
        part //= 2
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        try:
            attempt(part)
            return part
        except Exception as error:
            if not is_shortage(error):
                raise
    return 0


def _way_out(parameters: TrainingParameters, world: int, fitting: int) -> str:
    checkpointing = "" if parameters.gradient_checkpointing else "`training.gradient_checkpointing: true`"
    if not fitting:
        return f"set {checkpointing}" if checkpointing else "take a smaller model, or a machine with more memory"
    share = parameters.batch // world
    accumulate = next(parts for parts in range(1, share + 1) if share % parts == 0 and share // parts <= fitting)
    advice = f"set `training.accumulate: {accumulate}` in params.yaml, which gives the same gradients"
    advice += f", or `training.batch: {fitting * world}`"
    return f"{advice}, or {checkpointing}" if checkpointing else advice
