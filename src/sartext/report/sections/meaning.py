"""What the figures mean and what they do not, in plain sentences."""

from collections.abc import Iterator
from html import escape

from sartext.evaluation.benchmarks import SIMULATED
from sartext.report.comparison import trained
from sartext.report.view import View, section

SMALL = 50_000_000
"""Weights under which a model is called tiny: the smallest that the field uses has three times as many."""


def meaning(view: View) -> str:
    """Return the section."""
    items = "".join(f"<li>{one}</li>" for one in (*_told(view), *map(escape, view.details.notes)))
    return section("meaning", "What the figures mean, and what they do not", [f'<ul class="plain">{items}</ul>'])


def _told(view: View) -> Iterator[str]:
    yield (
        "<b>Intervals</b> are 95 % percentile intervals of a bootstrap over groups: images of one place are "
        "drawn together. They tell what other test images of the same kind would give, for these very "
        "weights. They do not tell what another seed of the training would give; the arms over several seeds "
        "are what <code>make study</code> compares. They are not corrected for the number of comparisons: one "
        "verdict in twenty may be chance."
    )
    row = view.details.benchmarks[0]
    yield (
        f"<b>One-positive recall</b> has a ceiling: the {row.images:,} captions of {escape(row.name)} state "
        f"{row.distinct_facts:,} different sets of facts, and nobody can tell equal ones apart. It depends on the "
        "number of images: figures on test sets of other sizes are not comparable."
    )
    yield (
        "<b>Template captions.</b> The captions are realised by a grammar from facts. That makes every "
        "statement checkable, but BLEU, METEOR, ROUGE and CIDEr then reward the grammar's wording as much as "
        "its content: the baselines show how much. Precision and recall of facts are the figures to look at."
    )
    yield from _data(view)
    yield (
        "<b>VQA.</b> Questions are made from the same facts as the captions, with short answers. They test "
        "whether stated facts can be read from an image, not open conversation."
    )
    yield from _scale(view)
    yield (
        "<b>Samples</b>, not seconds, are what the arms are compared by: a pair seen in training counts each "
        "time. At equal samples a later stage on SAR captions has seen fewer of them than a direct training; "
        "both controls stand in the table."
    )


def _data(view: View) -> Iterator[str]:
    corpora = {name for one in view.details.benchmarks for name in one.corpora}
    simulated = {name for name in corpora if name.startswith(SIMULATED)}
    if simulated == corpora:
        yield (
            "<b>Simulated data.</b> Every image was rendered by one simulator from known ground truth: no "
            "terrain, no season, no sensor's peculiarities, and optical and SAR scenes from the same source. "
            "That is kinder to transfer than reality. Nothing here is a claim about real land, real ships or "
            "any sensor."
        )
    elif simulated:
        yield (
            f"<b>Simulated data.</b> {len(simulated)} of the {len(corpora)} corpora are simulated: no terrain, "
            "no season, no sensor's peculiarities. Read the figures corpus by corpus; those of simulated "
            "corpora are no claim about real land or ships."
        )
    else:
        yield (
            "<b>Annotations</b> of real corpora miss objects and disagree: a statement that an annotation "
            "does not confirm is not always false."
        )
    left_out = sum(one.left_out for one in view.details.benchmarks[:1])
    if left_out:
        yield (
            f"<b>Left out</b>: {left_out:,} test images whose pictures are withheld by their licence and not "
            "at hand. The figures are of the others."
        )


def _scale(view: View) -> Iterator[str]:
    models = [one for one in view.index.variants if one.role in {"arm", "model"} and one.weights is not None]
    sizes = [one.weights for one in models if one.weights is not None]
    if sizes and max(sizes) < SMALL:
        span = " to ".join(f"{one:,}" for one in dict.fromkeys((min(sizes), max(sizes))))
        yield (
            f"<b>Tiny models.</b> The trained models have {span} weights and learn "
            "for minutes. Which arm wins at this scale need not win at the paper's: large pretrained models "
            "start from knowledge that these do not have."
        )
    if not any(one.pretrained for one in view.index.variants if one.role == "foundation"):
        yield (
            "<b>The foundation</b> is not pretrained here: its weights are random, its figures are those of "
            "chance, and gains over it are no gains over a foundation model. Ratios to it are therefore not "
            "computed."
        )
    if trained(view.index, "captioning", "spice") == []:
        yield (
            "<b>SPICE</b> needs the Stanford CoreNLP models, which no package registry carries; where they "
            "are absent it is not computed, never zero."
        )
