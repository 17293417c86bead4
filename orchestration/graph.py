"""The build graph as plain records: stages, what they read and write, and what follows from what."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter

DATA = "data"


@dataclass(frozen=True)
class Stage:
    """One stage of ``dvc.yaml``, resolved.

    Args:
        name: as DVC writes it, ``captions@ssdd`` or ``splits``.
        cmd: the command.
        desc: one sentence.
        deps: paths that it reads, relative to the project, with forward slashes; parameters not among them.
        outs: paths that it writes, likewise.
        params: parameter names that it depends on.
        group: where a person looks for it.
        kinds: what it is made with; at most three.
        owners: ``team:x`` or e-mail addresses.
        pool: Dagster's concurrency pool, if any.
    """

    name: str
    cmd: str
    desc: str = ""
    deps: tuple[str, ...] = ()
    outs: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    group: str = "default"
    kinds: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    pool: str | None = None

    @property
    def key(self) -> list[str]:
        """The asset key: ``captions@ssdd`` is ``captions/ssdd``."""
        return self.name.split("@", 1)

    @property
    def title(self) -> str:
        """The asset key as people write it."""
        return "/".join(self.key)

    @property
    def op(self) -> str:
        """The name of the step that makes it; no job has such a name."""
        return "make_" + re.sub(r"\W", "_", self.name)

    def reads(self, out: str) -> bool:
        """Whether an out, or a folder around or below it, is among the deps."""
        return any(dep == out or out.startswith(f"{dep}/") or dep.startswith(f"{out}/") for dep in self.deps)


@dataclass(frozen=True)
class Graph:
    """The stages by name, in the order of ``dvc.yaml``."""

    stages: Mapping[str, Stage]

    def __iter__(self) -> Iterator[Stage]:
        return iter(self.stages.values())

    @cached_property
    def upstream(self) -> Mapping[str, tuple[str, ...]]:
        """The stages whose outs a stage reads; a folder stands for every out below it."""
        return {
            stage.name: tuple(
                other.name for other in self if other is not stage and any(map(stage.reads, other.outs))
            )
            for stage in self
        }

    @cached_property
    def sources(self) -> Mapping[str, tuple[str, ...]]:
        """The corpora in ``data/`` that a stage reads; ``data`` itself stands for all that some stage reads."""
        named = {stage.name: tuple(sorted(_corpora(stage))) for stage in self}
        every = tuple(sorted({corpus for corpora in named.values() for corpus in corpora}))
        return {stage.name: every if DATA in stage.deps else named[stage.name] for stage in self}

    @property
    def corpora(self) -> tuple[str, ...]:
        """Every corpus in ``data/`` that some stage reads."""
        return tuple(sorted({corpus for corpora in self.sources.values() for corpus in corpora}))

    @cached_property
    def ordered(self) -> tuple[str, ...]:
        """The names, each after all that its stage is made from."""
        return tuple(TopologicalSorter(self.upstream).static_order())

    def ancestors(self, *names: str) -> tuple[str, ...]:
        """Every stage that these are made from, directly or not, in the order of ``dvc.yaml``."""
        return self._closure(names, self.upstream)

    def descendants(self, *names: str) -> tuple[str, ...]:
        """Every stage that is made from these, directly or not, in the order of ``dvc.yaml``."""
        downstream = {
            name: tuple(other for other in self.stages if name in self.upstream[other]) for name in self.stages
        }
        return self._closure(names, downstream)

    def _closure(self, names: Iterable[str], edges: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
        reached: set[str] = set()
        waiting = [other for name in names for other in edges[name]]
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting.extend(edges[name])
        return tuple(name for name in self.stages if name in reached)


def _corpora(stage: Stage) -> Iterator[str]:
    for dep in stage.deps:
        top, _, rest = dep.partition("/")
        if top == DATA and rest:
            yield rest.split("/")[0]
