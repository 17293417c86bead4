"""The Markdown of a published version: the dataset card, the changes, the report of the gate."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sartext.config import ReleaseParameters
from sartext.narrator.methods import METHODS
from sartext.release.comparison import Comparison
from sartext.release.formats import FORMATS
from sartext.release.formats.parquet import COLUMNS, FEATURES
from sartext.release.gate.verdict import outcome, tally
from sartext.release.inputs import SPLIT_NAMES
from sartext.release.markdown import render, table

EXAMPLES = 3
"""Captions shown on the card."""

CHANGES_SHOWN = 10
"""Changes of a kind that ``CHANGES.md`` names."""

_SIZES = {
    1_000: "n<1K",
    10_000: "1K<n<10K",
    100_000: "10K<n<100K",
    1_000_000: "100K<n<1M",
    10_000_000: "1M<n<10M",
}
"""The Hub's name of a size, by what a dataset of it stays under."""

_CHANGES = {
    "added": "images added",
    "removed": "images removed",
    "moved": "images moved to another split",
    "captions": "captions changed",
    "metadata": "images with other columns changed",
    "corpora_added": "corpora added",
    "corpora_removed": "corpora removed",
    "columns": "columns added, removed or of another type",
    "layout": "kinds of files added or removed",
}
"""What ``CHANGES.md`` calls each kind of difference."""

Row = Mapping[str, Any]


def dataset_card(
    parameters: ReleaseParameters,
    version: str,
    content: str,
    statistics: Mapping[str, Any],
    licences: Sequence[Row],
    *,
    pairs: Sequence[Row],
) -> str:
    """Return the Hugging Face dataset card (``README.md``) of a release.

    Args:
        parameters: name and title.
        version: the version that is published.
        content: the identity of the content.
        statistics: ``statistics.json`` of the release.
        licences: the rows of ``LICENSES.csv``.
        pairs: the pairs of the release, for examples of their captions and whether one is of a benchmark.
    """
    corpora = statistics["corpora"]
    splits = [split for split in SPLIT_NAMES if split in statistics["splits"]]
    simulated = [name for name, corpus in corpora.items() if str(corpus["sensor"]).startswith("simulated")]
    which = "These images" if len(simulated) == len(corpora) else f"The images of {', '.join(simulated)}"
    columns = [[f"`{name}`", meaning] for name, _, meaning in COLUMNS]
    methods = sorted(statistics["methods"].items())
    licence_rows = [
        [f"`{row['corpus']}`", row["licence"], row["redistribution"], row["images"]] for row in licences
    ]
    return render(
        "card.md",
        card_data=_header(parameters, splits, statistics, licences),
        title=parameters.title,
        name=parameters.name,
        version=version,
        content_sha256=content,
        pairs=statistics["pairs"],
        corpora=corpora,
        simulated=which if simulated else "",
        withheld=statistics["pairs"] - statistics["images"],
        words=statistics["words"],
        distinct_captions=statistics["distinct_captions"],
        counts=_counts(splits, statistics),
        columns=table(["Column", "Meaning"], columns),
        methods=table(
            ["Method", "Made", "Captions"],
            [
                [f"`{name}`", METHODS[name].description if name in METHODS else "", f"{count:,}"]
                for name, count in methods
            ],
        ),
        models=_models(pairs),
        examples=_examples(pairs),
        sections=[section for form in FORMATS if (section := form.section(statistics))],
        benchmarks=sorted({str(row["benchmark"]) for row in pairs if row["benchmark"]}),
        licences=table(["Corpus", "Licence", "May be passed on", "Images included"], licence_rows),
        sources=licences,
    )


def _header(
    parameters: ReleaseParameters, splits: Sequence[str], statistics: Mapping[str, Any], licences: Sequence[Row]
) -> str:
    """The card's data as YAML, its keys in the order of a reader's interest."""
    from huggingface_hub import DatasetCardData

    stated = sorted({str(row["licence"]) for row in licences})
    licence = stated[0].lower() if len(stated) == 1 else ""
    single = licence and licence != "not-stated" and not licence.startswith("http") and " " not in licence
    other: dict[str, Any] = {"license_name": "per-corpus", "license_link": "LICENSES.csv"}
    tasks = [task for form in FORMATS if form.section(statistics) for task in form.tasks]
    features = [{"name": name, "dtype": feature.get("dtype", "image")} for name, feature in FEATURES.items()]
    files = [{"split": split, "path": f"data/{split}-*.parquet"} for split in splits]
    data = DatasetCardData(
        pretty_name=parameters.title,
        language=["en"],
        license=licence if single else "other",
        **({} if single else other),
        task_categories=["image-to-text", "zero-shot-image-classification", *tasks],
        annotations_creators=["machine-generated"],
        multilinguality=["monolingual"],
        size_categories=[
            next((name for bound, name in _SIZES.items() if statistics["pairs"] < bound), "10M<n<100M")
        ],
        tags=["sar", "synthetic-aperture-radar", "remote-sensing", "earth-observation", "image-text"],
        dataset_info={"features": features},
        configs=[{"config_name": "default", "data_files": files}],
    )
    first = ["pretty_name", "language", "license", *other, "task_categories", "annotations_creators"]
    return data.to_yaml(original_order=[*first, "multilinguality", "size_categories", "tags", "dataset_info"])


def _counts(splits: Sequence[str], statistics: Mapping[str, Any]) -> str:
    rows = [
        [
            f"{corpus['title']} (`{name}`)",
            corpus["sensor"],
            *(f"{corpus['splits'].get(split, 0):,}" for split in splits),
            f"{corpus['pairs']:,}",
            f"{corpus['images']:,}",
        ]
        for name, corpus in statistics["corpora"].items()
    ]
    total = [f"{statistics['splits'][split]:,}" for split in splits]
    rows.append(["**all**", "", *total, f"{statistics['pairs']:,}", f"{statistics['images']:,}"])
    return table(["Corpus", "Sensor", *splits, "pairs", "images included"], rows)


def _models(pairs: Sequence[Row]) -> str:
    """Which models wrote captions, and how many; an empty text where none did."""
    counts = Counter((str(row["method"]), str(row["model_sha256"])) for row in pairs if row["model_sha256"])
    rows = [[f"`{method}`", f"`{model}`", f"{count:,}"] for (method, model), count in sorted(counts.items())]
    return table(["Method", "SHA-256 of the model", "Captions"], rows) if rows else ""


def _examples(pairs: Sequence[Row]) -> str:
    """The first caption of each method, in the order of the ids; further ones where there are fewer than three."""
    ordered = sorted(pairs, key=lambda row: str(row["image_id"]))
    first: dict[str, Row] = {}
    for row in ordered:
        first.setdefault(row["method"], row)
    shown = list(first.values())
    texts = {row["caption"] for row in shown}
    for row in ordered:
        if len(shown) < EXAMPLES and row["caption"] not in texts:
            shown.append(row)
            texts.add(row["caption"])
    shown.sort(key=lambda row: (str(row["method"]), str(row["image_id"])))
    rows = [[f"`{row['image_id']}`", f"`{row['method']}`", row["caption"]] for row in shown]
    return table(["Image", "Method", "Caption"], rows)


def changes(version: str, before: str | None, difference: Comparison | None, statistics: Mapping[str, Any]) -> str:
    """Return ``CHANGES.md``: what differs from the version before, with examples."""
    if before is None or difference is None:
        corpora = len(statistics["corpora"])
        return f"# {version}\n\nThe first release: {statistics['pairs']:,} pairs of {corpora} corpora.\n"
    rows = [[_CHANGES[kind], f"{count:,}"] for kind, count in difference.counts().items() if count]
    listed = {
        "Columns": difference.columns,
        "Layout": difference.layout,
        "Corpora added": difference.corpora_added,
        "Corpora removed": difference.corpora_removed,
        "Images added": difference.added,
        "Images removed": difference.removed,
        "Moved to another split": [f"{name}: {old} to {new}" for name, old, new in difference.moved],
        "Captions changed": [f'{name}: "{old}" became "{new}"' for name, old, new in difference.captions],
        "Other columns changed": difference.metadata,
    }
    return render(
        "changes.md",
        version=version,
        before=before,
        level=difference.level,
        counts=table(["Change", "Count"], rows) if rows else "",
        listed=listed.items(),
        examples=CHANGES_SHOWN,
    )


def quality_report(verdict: Mapping[str, Any]) -> str:
    """Return the verdict (``gate.json``) as Markdown, a table per suite; the same verdict gives the same text."""
    header = ["Expectation", "Severity", "Verdict", "Figure", "Unit", "Detail"]
    rows = [row for suite in verdict["suites"] for row in suite["expectations"]]
    suites = [
        (suite["name"], table(header, map(_report_row, suite["expectations"]))) for suite in verdict["suites"]
    ]
    return render("report.md", passed=verdict["passed"], tally=tally(rows), suites=suites)


def _report_row(row: Row) -> list[object]:
    status = "" if row["status"] == "evaluated" else f" ({row['status']})"
    figure = "" if row["figure"] is None else f"{row['figure']:,}"
    return [row["name"], row["severity"], f"{outcome(row)}{status}", figure, row["unit"], row["detail"]]
