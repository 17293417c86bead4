"""VQA: accuracy by type of question against baselines that see no image, by corpus, and examples."""

from html import escape

from sartext.evaluation.details import VqaExample
from sartext.evaluation.figures import Figure
from sartext.evaluation.vqa import normalise_answer
from sartext.report.marks import swatch
from sartext.report.tables import Column, variants_table
from sartext.report.view import View, charts, chosen, dots, listed, paragraph, section


def vqa(view: View) -> str:
    """Return the section."""
    types = view.index.subsets("vqa", "type", "accuracy")
    corpora = view.index.subsets("vqa", "corpus", "accuracy")
    overall = [Column("OA", "vqa", "oa"), Column("AA", "vqa", "aa")]
    return section(
        "vqa",
        "Visual question answering",
        [
            paragraph(_about(view)),
            charts(
                [
                    dots(view, "vqa", "oa"),
                    *(
                        dots(view, "vqa", "accuracy", subset=f"type:{one}", title=f"Questions: {one}")
                        for one in types
                    ),
                ]
            ),
            variants_table(
                f"<b>Accuracy by type of question</b>, %.{_numbers(view)}",
                view.index,
                [*overall, *(Column(one, "vqa", "accuracy", f"type:{one}") for one in types)],
                view.looks,
            ),
            variants_table(
                "<b>Accuracy by corpus</b>, %.",
                view.index,
                [Column(one, "vqa", "accuracy", f"corpus:{one}") for one in corpora],
                view.looks,
            ),
            _examples(view),
        ],
    )


def _about(view: View) -> str:
    baselines = ["a constant answer per type", "a constant per type and corpus"]
    if any(one.role == "baseline" and one.kind == "gpt" for one in view.index.measured("vqa", "oa")):
        baselines.append("the same language model trained without images")
    return (
        "An answer counts if it equals the stated one after normalisation, never by a part of it. <b>OA</b> is "
        "the share of right answers over all questions, <b>AA</b> the mean over the types of question. The "
        f"baselines see no image: {listed(baselines)}. Whatever they reach is what the questions give away."
    )


def _numbers(view: View) -> str:
    """How many questions each type has, from any variant that was asked all of them."""
    found: dict[str, Figure] = {}
    for one in view.index.of("vqa", "accuracy"):
        kind, _, name = one.subset.partition(":")
        if kind == "type" and one.n > found.get(name, one).n - 1:
            found[name] = one
    told = ", ".join(f"{escape(name)} {one.n:,}" for name, one in sorted(found.items()) if one.n)
    return f" Questions: {told}." if told else ""


def _examples(view: View) -> str:
    cards = "".join(_card(view, one) for one in view.details.questions)
    if not cards:
        return ""
    return f'<h3>Questions and answers</h3>{chosen(view, "questions")}<div class="gallery">{cards}</div>'


def _card(view: View, one: VqaExample) -> str:
    order = [variant.name for variant in view.details.variants]
    rows = "".join(
        f"<dt>{swatch(view.looks[name])} {escape(name)}</dt><dd>{_answer(one.answers[name], one.answer)}</dd>"
        for name in sorted(one.answers, key=order.index)
    )
    picture = view.pictures.show(one.image_id, f"SAR image {one.image_id}")
    return (
        f'<article class="card"><div class="top">{picture}<div><div class="id">{escape(one.type)}</div>'
        f'<b>{escape(one.question)}</b><br><span class="soft">answer:</span> {escape(one.answer)}</div></div>'
        f'<dl class="answers">{rows}</dl></article>'
    )


def _answer(given: str, right: str) -> str:
    said = escape(given) or "<i>nothing</i>"
    if normalise_answer(given) == normalise_answer(right):
        return f'<span class="right" role="img" aria-label="right">\u2713</span> {said}'
    return f'<span class="wrong" role="img" aria-label="wrong">\u2717</span> {said}'
