"""The build graph as plain records: stages, what they read and write, and what follows from what."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

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
                other.name
                for other in self
                if other.name != stage.name and any(_meet(dep, out) for dep in stage.deps for out in other.outs)
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

    def ancestors(self, name: str) -> tuple[str, ...]:
        """Every stage that ``name`` is made from, directly or not, in the order of ``dvc.yaml``."""
        return self._closure(name, self.upstream)

    def descendants(self, name: str) -> tuple[str, ...]:
        """Every stage that is made from ``name``, directly or not, in the order of ``dvc.yaml``."""
        downstream = {
            one: tuple(other for other in self.stages if one in self.upstream[other]) for one in self.stages
        }
        return self._closure(name, downstream)

    def _closure(self, name: str, edges: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
        seen: set[str] = set()
        waiting = list(edges[name])
        while waiting:
            one = waiting.pop()
            if one not in seen:
                seen.add(one)
                waiting.extend(edges[one])
        return tuple(other for other in self.stages if other in seen)


def _meet(dep: str, out: str) -> bool:
    return dep == out or out.startswith(f"{dep}/") or dep.startswith(f"{out}/")


def _corpora(stage: Stage) -> Iterator[str]:
    for dep in stage.deps:
        top, _, rest = dep.partition("/")
        if top == DATA and rest:
            yield rest.split("/")[0]
