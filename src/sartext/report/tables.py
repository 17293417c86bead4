"""Tables of figures as HTML: every number says which figure it is, and why where there is none."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from sartext.evaluation.details import Variant
from sartext.evaluation.figures import EVERYTHING, NOT_COMPUTED, Figure, Task
from sartext.evaluation.measures import shown
from sartext.report.figure_index import FigureIndex
from sartext.report.marks import Look, swatch

TEXT = ' class="text"'
NOTHING = '<td class="none"><span aria-label="not measured">\u2013</span></td>'
NARRATOR = "narrator"
"""The model that captions for the release; those of its group beside it learned from the release."""

GROUPS = {
    "foundation": "before any training of ours",
    "arm": "arms of the comparison",
    "model": "models trained on the release",
    "baseline": "baselines",
    "ceiling": "ceilings",
}


@dataclass(frozen=True)
class Column:
    """A column of figures: of one metric in one part of a benchmark."""

    title: str
    task: Task
    metric: str
    subset: str = EVERYTHING
    benchmark: str | None = None


@dataclass
class Reasons:
    """Why figures of one table were not computed; each reason has a number."""

    known: dict[str, int] = field(default_factory=dict)

    def number(self, reason: str) -> int:
        """Return the number of a reason."""
        return self.known.setdefault(reason, len(self.known) + 1)

    def notes(self) -> str:
        """Return the reasons as a list below the table."""
        items = "".join(f'<li value="{at}">{escape(text)}</li>' for text, at in self.known.items())
        return f'<ol class="notes">{items}</ol>' if items else ""


def place(figure: Figure) -> str:
    """Return what a cell says of the figure that it shows."""
    return escape("|".join(figure.place), quote=True)


def cell(figure: Figure | None, reasons: Reasons, *, kind: str = "") -> str:
    """Return one cell: the value and its interval, or that it was not computed, or a dash."""
    if figure is None:
        return NOTHING
    classes = f' class="{kind}"' if kind else ""
    if figure.value is None:
        mark = f"<sup>{reasons.number(figure.reason)}</sup>"
        return f'<td class="none" data-figure="{place(figure)}">{NOT_COMPUTED}{mark}</td>'
    value, interval = shown(figure)
    told = f' <span class="range">{interval}</span>' if interval else ""
    return f'<td{classes} data-figure="{place(figure)}"><span class="value">{value}</span>{told}</td>'


def variants_table(
    caption: str,
    index: FigureIndex,
    columns: Sequence[Column],
    looks: Mapping[str, Look],
    *,
    facts: Mapping[str, Sequence[str]] | None = None,
    heads: Sequence[str] = (),
    grouped: bool = True,
) -> str:
    """Return a table with a row for each variant that was measured in any column; nothing where none was.

    Args:
        caption: HTML, said above.
        index: the figures.
        columns: of figures.
        looks: of the variants.
        facts: further cells of each variant, by name, that stand before the figures.
        heads: their titles.
        grouped: whether the rows are grouped by the role of their variants.
    """
    reasons = Reasons()
    rows: list[tuple[Variant, str]] = []
    for variant in index.variants:
        found = [
            index.find(one.task, one.metric, variant.name, subset=one.subset, benchmark=one.benchmark)
            for one in columns
        ]
        if any(one is not None for one in found):
            more = "".join(f"<td>{text}</td>" for text in (facts or {}).get(variant.name, ()))
            rows.append((variant, more + "".join(cell(one, reasons) for one in found)))
    if not rows:
        return ""
    width = 1 + len(heads) + len(columns)
    body = _grouped(rows, looks, width) if grouped else _body([_row(one, told, looks) for one, told in rows])
    return table(caption, ["variant", *heads, *(escape(one.title) for one in columns)], body, reasons)


def _grouped(rows: Sequence[tuple[Variant, str]], looks: Mapping[str, Look], width: int) -> str:
    parts = []
    for role, title in GROUPS.items():
        mine = [(one, told) for one, told in rows if one.role == role]
        if mine:
            said = _with_narrator(title, [one.name for one, _ in mine])
            head = f'<tr class="group"><th colspan="{width}" scope="rowgroup"><span>{said}</span></th></tr>'
            parts.append(_body([head, *(_row(one, told, looks) for one, told in mine)]))
    return "".join(parts)


def _with_narrator(title: str, names: Sequence[str]) -> str:
    """The title of a group; the narrator is named where it is in it."""
    if NARRATOR not in names:
        return title
    return f"the narrator, and {title}" if len(names) > 1 else "the narrator"


def _row(variant: Variant, cells: str, looks: Mapping[str, Look]) -> str:
    name = f"{swatch(looks[variant.name])} {escape(variant.name)}"
    return f'<tr><th scope="row" class="variant">{name}</th>{cells}</tr>'


def _body(rows: Sequence[str]) -> str:
    return f"<tbody>{''.join(rows)}</tbody>"


def table(
    caption: str,
    heads: Sequence[str],
    body: str,
    reasons: Reasons | None = None,
    *,
    texts: Collection[str] = (),
) -> str:
    """Return a table that scrolls by itself where the page is narrow; its caption does not.

    Args:
        caption: HTML.
        heads: HTML of the column titles.
        body: its ``tbody`` elements.
        reasons: why figures in it were not computed.
        texts: the titles whose columns hold words.
    """
    head = "".join(f'<th scope="col"{TEXT if one in texts else ""}>{one}</th>' for one in heads)
    label = escape(re.sub("<[^>]*>", "", caption), quote=True)
    return (
        f'<figure class="table"><figcaption>{caption}</figcaption><div class="scroll" tabindex="0"><table '
        f'aria-label="{label}"><thead><tr>{head}</tr></thead>{body}</table></div>'
        f"{reasons.notes() if reasons else ''}</figure>"
    )
