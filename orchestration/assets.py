"""One asset per stage of ``dvc.yaml`` and one observable source per corpus."""

import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from dagster import (
    AssetCheckResult,
    AssetExecutionContext,
    AssetKey,
    AssetObservation,
    AssetsDefinition,
    AssetSpec,
    BetaWarning,
    DataVersion,
    Failure,
    MaterializeResult,
    MetadataValue,
    SourceAsset,
    multi_asset,
    observable_source_asset,
)

from orchestration.checks import QUALITY, gate_results, gate_specs
from orchestration.dvc_adapter import folder_hash
from orchestration.execution import StageError
from orchestration.graph import DATA, Graph, Stage
from orchestration.metadata import describe
from orchestration.resources import Session
from sartext.errors import CorpusError, SarTextError

DATA_VERSION_TAG = "dagster/data_version"
REFUSE_STALE = frozenset({"release", "publication"})
"""Stages that do not run on stale upstreams; the others warn."""

Events = Iterator[MaterializeResult[object] | AssetObservation]


def build_assets(graph: Graph, root: Path) -> list[AssetsDefinition | SourceAsset]:
    """Derive the assets from the graph: keys, deps, groups, kinds, owners, descriptions, pools and checks."""
    stages = [_stage_asset(graph, stage) for stage in graph]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BetaWarning)  # observable sources; Dagster's version is pinned
        return [*stages, *(_corpus_source(root, name) for name in graph.corpora)]


def stage_spec(graph: Graph, stage: Stage) -> AssetSpec:
    """Describe one stage as an asset."""
    before = [AssetKey(graph.stages[name].key) for name in graph.upstream[stage.name]]
    sources = [AssetKey([DATA, corpus]) for corpus in graph.sources[stage.name]]
    return AssetSpec(
        AssetKey(stage.key),
        deps=[*before, *sources],
        description=stage.desc or None,
        group_name=stage.group,
        kinds=set(stage.kinds),
        owners=list(stage.owners),
        metadata={
            "command": MetadataValue.md(f"```sh\n{stage.cmd}\n```"),
            "outs": MetadataValue.json(list(stage.outs)),
            "parameters": MetadataValue.json(list(stage.params)),
        },
    )


def _stage_asset(graph: Graph, stage: Stage) -> AssetsDefinition:
    @multi_asset(
        name=stage.op,
        specs=[stage_spec(graph, stage)],
        check_specs=gate_specs(stage.key) if stage.name == QUALITY else None,
        required_resource_keys={"session"},
        pool=stage.pool,
    )
    def make(context: AssetExecutionContext) -> Events:
        session: Session = context.resources.session
        yield from _make(context, session, stage)

    return make


def _make(context: AssetExecutionContext, session: Session, stage: Stage) -> Events:
    try:
        start = time.monotonic()
        _look_upstream(context, stage, session.stale_ancestors(stage.name))
        yield from _observe(session, stage)
        reasons, seconds = session.make(stage, context.log.info, _of_this_run(context, session.adapter.graph))
        made = session.adapter.made(stage.name)
        checks: Sequence[AssetCheckResult] = ()
        if stage.name == QUALITY:
            checks = list(gate_results(session.project.root, stage.key))
        yield MaterializeResult(
            asset_key=AssetKey(stage.key),
            data_version=DataVersion(session.adapter.data_version(stage.name)),
            check_results=checks,
            metadata={
                "outcome": "made" if reasons else "unchanged",
                "because": "; ".join(reasons) or "nothing changed",
                **describe(session.project, stage, made),
                "seconds": round(seconds if reasons else time.monotonic() - start, 3),
            },
        )
    except StageError as error:
        lines = "\n".join(error.tail)
        raise Failure(str(error), metadata={"last lines": MetadataValue.md(f"```\n{lines}\n```")}) from None
    except SarTextError as error:
        raise Failure(str(error)) from None


def _of_this_run(context: AssetExecutionContext, graph: Graph) -> list[str]:
    """The stages that the run makes: all of its job, or the steps that were chosen of an earlier run."""
    steps = context.run.step_keys_to_execute
    if steps is not None:
        return [one.name for one in graph if one.op in steps]
    return [one.name for one in graph if context.job_def.has_node_named(one.op)]


def _look_upstream(context: AssetExecutionContext, stage: Stage, stale: Sequence[str]) -> None:
    if not stale:
        return
    named = ", ".join(stale)
    if stage.name in REFUSE_STALE:
        raise Failure(
            f"{stage.title} is not made from stale upstreams: {named}; materialise them in the same run",
            metadata={"stale": MetadataValue.json(list(stale))},
        )
    context.log.warning(f"{stage.title} is made from stale upstreams: {named}")


def _observe(session: Session, stage: Stage) -> Iterator[AssetObservation]:
    """Tell which bytes of each corpus are read, so that the asset counts as built on them."""
    for corpus in session.adapter.graph.sources[stage.name]:
        if corpus in session.corpora:
            yield AssetObservation(AssetKey([DATA, corpus]), tags={DATA_VERSION_TAG: session.corpora[corpus]})


def _corpus_source(root: Path, corpus: str) -> SourceAsset:
    @observable_source_asset(
        name=corpus,
        key_prefix=DATA,
        group_name="sources",
        tags={"dagster/kind/dvc": "", "dagster/kind/file": ""},
        metadata={"owner": "team:sar-text"},
        description=f"The source corpus {corpus} as it lies in data/{corpus}; data.dvc pins its bytes.",
    )
    def observe() -> DataVersion:
        version = folder_hash(root, corpus)
        if version is None:
            raise CorpusError(
                "the corpus is absent",
                where=f"{DATA}/{corpus}",
                way_out=f"`sartext corpora add {corpus} --from PATH`, or `sartext simulate`",
            )
        return DataVersion(version)

    return observe
