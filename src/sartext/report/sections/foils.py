"""Foils: a true caption beside one in which exactly one fact is changed."""

from html import escape

from sartext.evaluation.details import FoilExample
from sartext.report.marks import swatch
from sartext.report.tables import Column, variants_table
from sartext.report.view import View, charts, chosen, dots, paragraph, section

CHANCE = (50.0, "chance")


def foils(view: View) -> str:
    """Return the section."""
    kinds = view.index.subsets("foils", "kind")
    drawn = [
        dots(view, "foils", "accuracy", subset=f"kind:{one}", title=f"Changed: {one}", reference=CHANCE)
        for one in kinds
    ]
    columns = [
        Column("mean of the kinds", "foils", "mean_accuracy"),
        *(Column(f"{one} changed", "foils", "accuracy", f"kind:{one}") for one in kinds),
    ]
    return section(
        "foils",
        "Foils: does it read the facts?",
        [
            paragraph(_ABOUT),
            charts(drawn),
            variants_table(
                "<b>How often the true caption is preferred</b>, %; ties count half.",
                view.index,
                columns,
                view.looks,
            ),
            _examples(view),
        ],
    )


_ABOUT = (
    "Each test image stands between its caption and a foil in which exactly one fact is changed: a count by "
    "one, a class, a zone, or the share of a land cover. Chance is 50 %, and duplicate captions set no "
    "ceiling. The intervals are over the images, in their groups, with the foils drawn once: how far another "
    "drawing of the foils moves a figure they leave out. <b>text-prior</b>, where shown, sees no image: it "
    "prefers the caption that is likelier among the training captions. What it reaches above 50 % is what the "
    "wording gives away."
)


def _examples(view: View) -> str:
    cards = "".join(_card(view, one) for one in view.details.foils)
    if not cards:
        return ""
    return f'<h3>Examples</h3>{chosen(view, "foils")}<div class="gallery">{cards}</div>'


def _card(view: View, one: FoilExample) -> str:
    order = [variant.name for variant in view.details.variants]
    rows = "".join(
        f"<dt>{swatch(view.looks[name])} {escape(name)}</dt><dd>{_preferred(one.preferred[name])}</dd>"
        for name in sorted(one.preferred, key=order.index)
    )
    picture = view.pictures.show(one.image_id, f"SAR image: {one.caption}")
    return (
        f'<article class="card"><div class="top">{picture}<div><div class="id">{escape(one.kind)} changed</div>'
        f'<span class="right">true</span> {escape(one.caption)}<br><span class="wrong">foil</span> '
        f"{escape(one.foil)}</div></div>"
        f'<dl class="answers">{rows}</dl></article>'
    )


def _preferred(true_one: bool | None) -> str:
    if true_one is None:
        return "cannot tell"
    return (
        '<span class="right">\u2713 the true one</span>'
        if true_one
        else '<span class="wrong">\u2717 the foil</span>'
    )
