"""What the figures mean and what they do not, in plain sentences."""

from collections.abc import Iterator
from html import escape

from sartext.evaluation.benchmarks import SIMULATED
from sartext.report.comparison import trained
from sartext.report.view import View, listed, section

SMALL = 50_000_000
"""Weights under which a model is called tiny: the smallest that the field uses has three times as many."""


CONTROLS = ("direct", "direct-total")
"""The arms that see SAR captions alone."""


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
        "verdict in twenty may be chance. A figure that a single group decides has none: it is shown without, and "
        "nothing is called better or worse by it."
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
    yield _samples(view)


def _samples(view: View) -> str:
    told = "<b>Samples</b>, not seconds, are what trainings are compared by: a pair counts each time it is seen."
    controls = [name for name in CONTROLS if name in view.index.named]
    if controls:
        names = listed([f"<b>{name}</b>" for name in controls])
        stand = "stands" if len(controls) == 1 else "stand"
        told += (
            " Of as many samples in total, a transfer from optical captions leaves fewer to SAR captions than "
            f"training on these alone, which is why {names} {stand} beside it."
        )
    return told


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
            f"<b>Tiny models.</b> The trained models have {span} weights. Which arm wins at this scale need not "
            "win at the paper's: large pretrained models start from knowledge that these do not have."
        )
    random = [one.name for one in view.index.variants if one.role == "foundation" and not one.pretrained]
    if random:
        yield (
            f"<b>Random weights.</b> {listed([f'<b>{escape(one)}</b>' for one in random])} "
            f"{'is' if len(random) == 1 else 'are'} not pretrained here. Random weights have learned nothing: "
            "gains over them are no gains over a foundation model, and ratios to them are not computed."
        )
    if trained(view.index, "captioning", "spice") == []:
        yield (
            "<b>SPICE</b> needs the Stanford CoreNLP models, which no package registry carries; where they "
            "are absent it is not computed, never zero."
        )
