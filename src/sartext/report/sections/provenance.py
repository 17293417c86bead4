"""Where the figures come from: release, commit, data, benchmarks, models."""

from collections.abc import Mapping
from html import escape

from sartext.report.marks import swatch
from sartext.report.tables import table
from sartext.report.view import View, section


def provenance(view: View) -> str:
    """Return the section."""
    return section(
        "provenance",
        "Provenance",
        [_release(view), _benchmarks(view), _models(view), f'<p class="soft">{_RUNS}</p>'],
    )


NONE = "\u2013"

_RUNS = (
    "This page holds no time, host or run: equal inputs give equal bytes. Which runs of Dagster and MLflow "
    "made these models, when and how long they took is in <code>build/log/runs.html</code>, written with the "
    "report; MLflow finds a model by its tag <code>model_sha256</code>. The figures of this page are in "
    "<code>report.json</code> beside it."
)


def _release(view: View) -> str:
    one = view.release
    commit = (
        "outside a git repository" if one.commit is None and one.version else one.commit or "not published yet"
    )
    told: Mapping[str, str | None] = {
        "release": f"{one.name} {one.version}" if one.version else f"{one.name}, these bytes are not published",
        "content SHA-256": one.content_sha256,
        "commit": f"{commit}, tracked files differed" if one.dirty else commit,
        **{f"data/{name}": digest or "not recorded" for name, digest in sorted((one.data or {}).items())},
        "tools": ", ".join(f"{name} {version}" for name, version in sorted((one.tools or {}).items()) if version),
    }
    items = "".join(f"<dt>{escape(name)}</dt><dd>{_code(value)}</dd>" for name, value in told.items() if value)
    return f'<dl class="facts">{items}</dl>'


def _code(value: str) -> str:
    text = escape(value)
    return f"<code>{text}</code>" if " " not in value and len(value) > 20 else text


def _benchmarks(view: View) -> str:
    rows = []
    for one in view.details.benchmarks:
        corpora = ", ".join(f"{escape(name)} {count:,}" for name, count in sorted(one.corpora.items()))
        cells = "".join(
            f"<td>{count:,}</td>" for count in (one.images, one.groups, one.distinct_facts, one.left_out)
        )
        rows.append(
            f'<tr><th scope="row">{escape(one.name)}</th>{cells}<td class="text">{corpora}</td>'
            f'<td class="text"><code>{escape(one.sha256)}</code></td></tr>'
        )
    heads = [
        "benchmark",
        "images",
        "groups",
        "different facts",
        "left out",
        "corpora",
        "SHA-256 of its definition",
    ]
    caption = (
        "<b>Benchmarks</b>. None of their images was trained on. The hash is over image ids, pixels and facts."
    )
    return table(caption, heads, f"<tbody>{''.join(rows)}</tbody>", texts=heads[-2:])


def _models(view: View) -> str:
    rows = []
    for one in view.details.variants:
        if one.model_sha256 is None:
            continue
        weights = NONE if one.weights is None else f"{one.weights:,}"
        rows.append(
            f'<tr><th scope="row" class="variant">{swatch(view.looks[one.name])} {escape(one.name)}</th>'
            f'<td class="text">{escape(one.title)}</td><td>{weights}</td>'
            f'<td class="text">{escape(", ".join(one.stages) or NONE)}</td>'
            f'<td class="text">{escape(one.origin or NONE)}</td>'
            f'<td class="text"><code>{escape(one.model_sha256)}</code></td></tr>'
        )
    heads = ["model", "what it is", "weights", "stages that trained it", "started from", "SHA-256 of its weights"]
    body = f"<tbody>{''.join(rows)}</tbody>"
    return table("<b>Models</b>", heads, body, texts={*heads} - {"weights"}) if rows else ""
