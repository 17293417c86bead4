"""Running a study: everything that is not there yet, in the order of what needs what, in several processes."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from filelock import FileLock, Timeout

from sartext.config.arms import Arm
from sartext.errors import ArtefactError, ParameterError
from sartext.files import write_json
from sartext.progress import depend_on_the_parent, track
from sartext.study.cells import WHOLE, StudyCell, is_done, learns_sar, read_result, run_cell
from sartext.study.design import Design
from sartext.study.rates import Rates, candidates, cell_of, learn_rates, take_the_only_rate
from sartext.study.worlds import is_ready, prepare, world_of
from sartext.training.sampler import made_by, share
from sartext.training.shards.reading import open_shards

Work = Callable[[Callable[[Any], Any], Sequence[Any], str], None]


@dataclass(frozen=True)
class ArmResult:
    """One result of the comparison: an arm at one share of the SAR captions, for one seed."""

    arm: Arm
    fraction: float
    cell: StudyCell


@dataclass(frozen=True)
class Finished:
    """A complete study."""

    design: Design
    rates: Rates
    entries: tuple[ArmResult, ...]

    def result(self, cell: StudyCell) -> Mapping[str, Any]:
        """The result of a cell, see `cells.read_result`."""
        return read_result(self.design, cell)


def run_study(design: Design) -> Finished:
    """Run what is missing of a study, and return it complete.

    A study that was killed goes on: worlds and cells that stand complete are not made again.

    Raises:
        ParameterError: the smallest share of the SAR captions does not fill a batch.
        TrainingError: a training of the comparison cannot run.
    """
    design.folder.mkdir(parents=True, exist_ok=True)
    with _alone(design), _workers(design) as work:
        _make_worlds(design, work)
        check_shares(design)
        rates = _choose_rates(design, partial(_run_cells, design, work))
        entries = entries_of(design, rates)
        _run_cells(design, work, [entry.cell for entry in entries], "study: cells")
    write_json(design.folder / "learning_rates.json", rates.as_json())
    return Finished(design, rates, entries)


def read_study(design: Design) -> Finished:
    """Return a study that was run, complete.

    Raises:
        ArtefactError: it was not run with this simulator and recipe, or not to its end.
    """
    if not design.folder.is_dir():
        others = sorted(path.name for path in design.output.glob("*/") if (path / "learning_rates.json").is_file())
        changed = f"; there are of {', '.join(others)}: code or parameters have changed since" if others else ""
        raise ArtefactError(
            f"no study of this simulator and recipe ({design.folder.name}) was run{changed}",
            where=design.output,
            way_out="run `sartext study run`",
        )
    rates = _choose_rates(design, lambda cells, what: None)
    finished = Finished(design, rates, entries_of(design, rates))
    for entry in finished.entries:
        finished.result(entry.cell)
    return finished


def entries_of(design: Design, rates: Rates) -> tuple[ArmResult, ...]:
    """Return every result that the comparison needs; an arm without SAR captions has the same at every share."""
    study = design.study
    return tuple(
        ArmResult(arm, share, cell_of(design, seed, arm.row, share if arm.fractions else WHOLE, rates))
        for seed in study.seeds
        for arm in design.arms
        for share in sorted(set(study.fractions))
    )


def _make_worlds(design: Design, work: Work) -> None:
    study = design.study
    seeds = (*(study.development_seeds if _is_a_choice(design) else ()), *study.seeds)
    # on real data all seeds share one
    places = {world_of(design, seed).examination.root: seed for seed in seeds}
    missing = [seed for seed in places.values() if not is_ready(world_of(design, seed))]
    work(partial(prepare, design), missing, "study: scenes, captions and shards")


def check_shares(design: Design) -> None:
    """Raise a ParameterError where the smallest share leaves a row fewer pairs than a batch takes."""
    study, batch = design.study, design.parameters.training.batch
    trying = {seed: min(study.development_fractions) for seed in study.development_seeds}
    smallest = {seed: min(study.fractions) for seed in study.seeds} | (trying if _is_a_choice(design) else {})
    roots = {(world_of(design, seed).project.root, fraction) for seed, fraction in smallest.items()}
    for root, fraction in sorted(roots):
        for data, methods in sorted({(row.data, row.methods) for row in design.rows.values()}):
            with open_shards(root / data) as shards:
                pairs = len(share(made_by(shards.rows("train"), methods), fraction))
            if pairs < batch:
                raise ParameterError(
                    f"at {100 * fraction:g} % of the SAR captions there are {pairs} pairs, a batch takes {batch}",
                    where=root / data,
                    way_out="lower `study.batch`, raise `study.scenes`, or drop small `study.fractions`",
                )


def _is_a_choice(design: Design) -> bool:
    return len(set(design.study.learning_rates)) > 1


def _choose_rates(design: Design, run: Callable[[Sequence[StudyCell], str], None]) -> Rates:
    rates = Rates()
    if not _is_a_choice(design):
        take_the_only_rate(design, rates)
        return rates
    for sar in (False, True):  # parents first: a row of the second round starts from their chosen learning rate
        rows = [row for row in design.every_row if learns_sar(design, row) == sar]
        by_row = {row: candidates(design, row, rates) for row in rows}
        what = f"study: learning rates of the {'SAR' if sar else 'optical'} stages"
        run([cell for cells in by_row.values() for cell in cells], what)
        for row, cells in by_row.items():
            learn_rates(design, row, cells, rates)
    return rates


def _run_cells(design: Design, work: Work, cells: Sequence[StudyCell], what: str) -> None:
    """Run cells and, before them, the parents that they start from."""
    parents = {cell.parent for cell in cells if cell.parent is not None}
    for ready in (parents, set(cells) - parents):
        missing = [cell for cell in ready if not is_done(design, cell)]
        # the longest first, so that no process ends with it alone
        missing.sort(key=lambda cell: (-design.every_row[cell.row].samples, cell.seed, cell.name))
        work(partial(run_cell, design), missing, what)


@contextmanager
def _alone(design: Design) -> Iterator[None]:
    """Let one process at a time run a study."""
    lock = FileLock(design.output / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ArtefactError(
            "this study is running already", where=design.output, way_out="wait for it: it goes on by itself"
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _workers(design: Design) -> Iterator[Work]:
    """Yield what runs a function on many items: in this process, or in several of one thread each."""
    count = design.study.workers
    if count == 1:
        with _one_thread():
            yield _run_here
        return
    before = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=_begin)
    try:
        yield partial(_run_there, pool)
    except BaseException:
        for child in set(multiprocessing.active_children()) - before:
            child.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _run_here(function: Callable[[Any], Any], items: Sequence[Any], what: str) -> None:
    for _ in track(map(function, items), what, len(items)):
        pass


def _run_there(pool: ProcessPoolExecutor, function: Callable[[Any], Any], items: Sequence[Any], what: str) -> None:
    futures = [pool.submit(function, item) for item in items]
    for future in track(as_completed(futures), what, len(futures)):
        future.result()


def _begin() -> None:
    """One thread for each process, and none of them outlives the one that started them."""
    import torch

    depend_on_the_parent()
    os.environ["SARTEXT_WORKERS"] = "1"
    torch.set_num_threads(1)


@contextmanager
def _one_thread() -> Iterator[None]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
