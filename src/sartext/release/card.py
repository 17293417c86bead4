"""The Markdown of a published version, from templates: the dataset card, the changes, the report of the gate."""

import html
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import jinja2

from sartext.config import ReleaseParameters
from sartext.narrator.methods import METHODS
from sartext.release.audit.figures import Figures
from sartext.release.audit.tables import agreement_table, means_table
from sartext.release.comparison import Comparison
from sartext.release.comparison.showing import tables_of
from sartext.release.formats import listed_formats
from sartext.release.formats.parquet import COLUMNS
from sartext.release.gate.verdict import in_words, tally
from sartext.release.inputs import SPLIT_NAMES

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

Row = Mapping[str, Any]


def dataset_card(
    parameters: ReleaseParameters,
    version: str,
    content: str,
    statistics: Mapping[str, Any],
    licences: Sequence[Row],
    *,
    pairs: Sequence[Row],
    audit: Figures,
    hub: Mapping[str, Any],
) -> str:
    """Return the Hugging Face dataset card (``README.md``) of a release.

    Args:
        parameters: name and title.
        version: the version that is published.
        content: the identity of the content.
        statistics: ``statistics.json`` of the release.
        licences: the rows of ``LICENSES.csv``.
        pairs: the pairs of the release, for examples of their captions and whether one is of a benchmark.
        audit: the figures of an audit by people, empty where there was none.
        hub: what the header says of the files, see `hub_configs.hub_header`.
    """
    splits = [split for split in SPLIT_NAMES if split in statistics["splits"]]
    sensors = {name: str(corpus["sensor"]) for name, corpus in statistics["corpora"].items()}
    named = [(str(row["method"]), row["model_sha256"] or row["model"]) for row in pairs]
    models = Counter((method, str(model)) for method, model in named if model)
    formats = listed_formats(parameters.formats)
    sections = {
        form.name: _environment().from_string(form.section).render(statistics=statistics, splits=splits)
        for form in formats
    }
    tasks = [task for form in formats if sections[form.name] for task in form.tasks]
    return _render(
        "card.md",
        card_data=_header(parameters, statistics, licences, tasks, hub),
        parameters=parameters,
        version=version,
        content_sha256=content,
        statistics=statistics,
        splits=splits,
        simulated=[name for name, sensor in sensors.items() if sensor.startswith("simulated")],
        columns=COLUMNS.items(),
        formats=formats,
        form_names={form.name for form in formats},
        methods=METHODS,
        models=sorted(models.items()),
        examples=_examples(pairs),
        sections=filter(None, sections.values()),
        benchmarks=sorted({str(row["benchmark"]) for row in pairs if row["benchmark"]}),
        licences=licences,
        audit=audit,
        audited=means_table(audit),
        agreement=agreement_table(audit),
    )


def _header(
    parameters: ReleaseParameters,
    statistics: Mapping[str, Any],
    licences: Sequence[Row],
    tasks: Sequence[str],
    hub: Mapping[str, Any],
) -> str:
    """The card's data as YAML, its keys in the order of a reader's interest."""
    from huggingface_hub import DatasetCardData

    stated = sorted({str(row["licence"]) for row in licences})
    licence = stated[0].lower() if len(stated) == 1 else ""
    single = licence and licence != "not-stated" and not licence.startswith("http") and " " not in licence
    size = next((name for bound, name in _SIZES.items() if statistics["pairs"] < bound), "10M<n<100M")
    data: dict[str, Any] = {
        "pretty_name": parameters.title,
        "language": ["en"],
        "license": licence if single else "other",
        **({} if single else {"license_name": "per-corpus", "license_link": "LICENSES.csv"}),
        "task_categories": ["image-to-text", "zero-shot-image-classification", *tasks],
        "annotations_creators": ["machine-generated"],
        "multilinguality": ["monolingual"],
        "size_categories": [size],
        "tags": ["sar", "synthetic-aperture-radar", "remote-sensing", "earth-observation", "image-text"],
        **hub,
    }
    return DatasetCardData(**data).to_yaml(original_order=list(data))


def _examples(pairs: Sequence[Row]) -> list[Row]:
    """The first caption of each method, in the order of the ids; further ones where there are fewer than three."""
    ordered = sorted(pairs, key=lambda row: str(row["image_id"]))
    shown = list({row["method"]: row for row in reversed(ordered)}.values())
    for row in ordered:
        if len(shown) < EXAMPLES and row["caption"] not in {example["caption"] for example in shown}:
            shown.append(row)
    return sorted(shown, key=lambda row: (str(row["method"]), str(row["image_id"])))


def changes(version: str, before: str | None, difference: Comparison | None, statistics: Mapping[str, Any]) -> str:
    """Return ``CHANGES.md``: what differs from the version before, with examples."""
    captions = difference.captions if difference else ()
    return _render(
        "changes.md",
        version=version,
        before=before,
        difference=difference,
        statistics=statistics,
        tables=tables_of(difference) if difference else [],
        texts=[(change.image_id, change.before, change.after) for change in captions],
        examples=CHANGES_SHOWN,
    )


def quality_report(verdict: Mapping[str, Any]) -> str:
    """Return the verdict (``gate.json``) as Markdown, a table per suite; the same verdict gives the same text."""
    rows = [row for suite in verdict["suites"] for row in suite["expectations"]]
    return _render("report.md", verdict=verdict, tally=tally(rows))


def data_sheet(**values: object) -> str:
    """Return ``DATASHEET.md`` from what the template names."""
    return _render("datasheet.md", **values)


def _render(template: str, **values: object) -> str:
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("sartext.release", "templates"),
        autoescape=jinja2.select_autoescape(default_for_string=False),  # of HTML only
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"count": "{:,}".format, "cell": _cell, "in_words": in_words, "literal": _literal}
    return environment


def _literal(text: object) -> str:
    """A text in which Markdown finds no HTML."""
    return html.escape(str(text), quote=False)


def _cell(text: object) -> str:
    """A text as a cell of a Markdown table, which it cannot break."""
    return " ".join(str(text).split()).replace("|", "\\|")
