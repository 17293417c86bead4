"""One asset per stage of ``dvc.yaml``, one observable source per corpus, and the gate's suites as asset checks."""

import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
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
    RetryRequested,
    SourceAsset,
    multi_asset,
    observable_source_asset,
)

from orchestration.dvc_adapter import data_version, folder_hash, read_lock
from orchestration.execution import StageError, run_stage
from orchestration.graph import DATA, Graph, Stage
from orchestration.metadata import describe, fenced, show_table
from orchestration.plan import GATE, GUARDED, PUBLICATION, missing_release
from orchestration.runs import DATA_VERSION_TAG, Session, places
from sartext.errors import CorpusError, SarTextError
from sartext.files import read_json
from sartext.progress import WORKERS, workers
from sartext.release.gate.suites import SUITES
from sartext.release.gate.verdict import judged_nothing, outcome, tally
from sartext.tracking.record import DAGSTER_RUN

RETRIES = 3
RETRY_SECONDS = 20
"""After a failure that may pass: a store that does not answer, a stage or a lock that another process holds."""

FIRST = "checkpoint@grounder"
"""The longest training of every profile: begun first, so that the others fit beside it."""

Events = Iterator[MaterializeResult[object] | AssetObservation]


def build_assets(graph: Graph, root: Path) -> list[AssetsDefinition | SourceAsset]:
    """Derive the assets from the graph: keys, deps, groups, kinds, owners, descriptions, pools and checks."""
    stages = [_stage_asset(graph, stage) for stage in graph]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BetaWarning)  # observable sources; Dagster's version is pinned
        return [*stages, *(_corpus_source(root, name) for name in graph.corpora)]


def _stage_asset(graph: Graph, stage: Stage) -> AssetsDefinition:
    upstream = [AssetKey(graph.stages[name].key) for name in graph.upstream[stage.name]]
    sources = [AssetKey([DATA, corpus]) for corpus in graph.sources[stage.name]]
    spec = AssetSpec(
        AssetKey(stage.key),
        deps=[*upstream, *sources],
        description=stage.desc or None,
        group_name=stage.group,
        kinds=set(stage.kinds),
        owners=list(stage.owners),
        metadata={
            "command": fenced(stage.cmd, "sh"),
            "outs": MetadataValue.json(list(stage.outs)),
            "parameters": MetadataValue.json(list(stage.params)),
        },
    )

    @multi_asset(
        name=stage.op,
        specs=[spec],
        check_specs=_gate_specs(spec.key) if stage.name == GATE else None,
        required_resource_keys={"session"},
        op_tags={"dagster/priority": "1"} if stage.name == FIRST else None,
        pool=stage.pool,
    )
    def make(context: AssetExecutionContext) -> Events:
        try:
            yield from _make(context, context.resources.session, stage)
        except StageError as error:
            if error.transient and context.retry_number < RETRIES:
                context.log.warning(f"{error}; it is tried again in {RETRY_SECONDS} s")
                raise RetryRequested(RETRIES, RETRY_SECONDS) from error
            raise Failure(str(error), metadata={"last lines": fenced("\n".join(error.tail))}) from None
        except SarTextError as error:
            raise Failure(str(error)) from None

    return make


def _make(context: AssetExecutionContext, session: Session, stage: Stage) -> Events:
    start = time.monotonic()
    root, graph, plan = session.project.root, session.graph, session.plan
    stages = _stages_of_run(context, graph)
    if stale := ", ".join(plan.stale_ancestors(graph, stage.name, stages)):
        if stage.name in GUARDED:
            raise Failure(
                f"{stage.title} is not made from stale upstreams: {stale}; materialise them in the same run"
            )
        context.log.warning(f"{stage.title} is made from stale upstreams: {stale}")
    for corpus in graph.sources[stage.name]:  # which bytes are read, so that the asset counts as built on them
        if corpus in plan.corpora:
            yield AssetObservation(AssetKey([DATA, corpus]), tags={DATA_VERSION_TAG: plan.corpora[corpus]})
    reasons = plan.reasons_now(graph, stage.name, read_lock(root))
    result = "unchanged"
    if reasons:
        context.log.info(f"{stage.title} is made: {'; '.join(reasons)}")
        # it shares the cores with those of its run that neither follow from it nor come before it
        beside = set(stages) - {stage.name, *graph.ancestors(stage.name), *graph.descendants(stage.name)}
        share = max(1, workers() // min(places(), 1 + len(beside)))
        variables = {DAGSTER_RUN: context.run_id, WORKERS: str(share)}
        force = stage.name == PUBLICATION and missing_release(root) is not None  # which DVC does not know
        ran = run_stage(root, stage, force=force, listen=context.log.info, variables=variables)
        result = "made" if ran else "restored"
    seconds = time.monotonic() - start
    outs = read_lock(root).get(stage.name, {})
    yield MaterializeResult(
        asset_key=AssetKey(stage.key),
        data_version=DataVersion(data_version(outs)),
        check_results=list(gate_results(root, stage.key)) if stage.name == GATE else (),
        metadata={
            "outcome": result,
            "because": "; ".join(reasons) or "nothing changed",
            **describe(session.project, stage, outs),
            "seconds": round(seconds, 3),
        },
    )


def _stages_of_run(context: AssetExecutionContext, graph: Graph) -> list[str]:
    """The stages that the run holds: all of its job, or the steps that were chosen of an earlier run."""
    steps = context.run.step_keys_to_execute
    if steps is not None:
        return [stage.name for stage in graph if stage.op in steps]
    return [stage.name for stage in graph if context.job_def.has_node_named(stage.op)]


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


def _gate_specs(key: AssetKey) -> list[AssetCheckSpec]:
    """The checks of the asset ``quality``: a blocking one per suite."""
    texts = {suite: f"Expectations on {suite} of the candidate" for suite in SUITES.names}
    return [AssetCheckSpec(suite, asset=key, blocking=True, description=text) for suite, text in texts.items()]


def gate_results(root: Path, key: Sequence[str]) -> Iterator[AssetCheckResult]:
    """Yield the verdict of every suite; one that ``gate.json`` does not hold, or that has no rows, failed."""
    gate = read_json(root / "build" / "quality" / "gate.json")
    suites: dict[str, Mapping[str, Any]] = {suite["name"]: suite for suite in gate["suites"]}
    for name in SUITES.names:
        rows = list(suites.get(name, {}).get("expectations", []))
        failed = [row for row in rows if not row["passed"]]
        passed = bool(rows) and bool(suites[name]["passed"])
        warned = passed and bool(failed) and all(row["severity"] == "warning" for row in failed)
        yield AssetCheckResult(
            check_name=name,
            asset_key=AssetKey(list(key)),
            passed=passed and not failed,
            severity=AssetCheckSeverity.WARN if warned else AssetCheckSeverity.ERROR,
            description=_verdict(name in suites, rows, failed),
            metadata={
                "expectations": _expectations(rows),
                **{row["name"]: row["figure"] for row in rows if row.get("figure") is not None},
            },
        )


def _verdict(judged: bool, rows: Sequence[Mapping[str, Any]], failed: Sequence[Mapping[str, Any]]) -> str:
    if not judged:
        return "the gate holds no result of this suite"
    if not rows:
        return "the suite has no expectations"
    if judged_nothing(rows):
        return "; ".join(dict.fromkeys(str(row["detail"]) for row in rows))
    if not failed:
        return tally(rows)
    return "; ".join(f"{row['name']}: {row.get('detail') or row['status']}" for row in failed)


def _expectations(rows: Sequence[Mapping[str, Any]]) -> MetadataValue[Any]:
    columns = ("expectation", "severity", "verdict", "figure", "unit", "status", "detail")

    def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
        figure = "" if row.get("figure") is None else f"{row['figure']:.6g}"
        texts = (row.get(column) or "" for column in ("unit", "status", "detail"))
        return row["name"], row["severity"], outcome(row), figure, *texts

    return show_table(columns, map(cells, rows))
