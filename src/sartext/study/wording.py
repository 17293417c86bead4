"""What the study's page says in words, all of it derived from the design and the figures."""

from collections.abc import Iterator

from sartext.config.arms import SAR, Arm
from sartext.narrator.rewriting import OPTICAL_RULES
from sartext.study.design import Design
from sartext.study.figures import Findings, Metric

OF = {"sim": "simulated scenes", "sample": "the small real corpora"}


def title(design: Design) -> str:
    """Return the page's title."""
    return f"Progressive transfer and its controls, on {OF[design.data]}"


def told(design: Design) -> str:
    """Return in two sentences what was compared."""
    study = design.study
    shares = f"{len(set(study.fractions))} shares of the SAR captions"
    seeds = f"{len(study.seeds)} seeds"
    fresh = (
        f"{seeds}, each with scenes of its own that were not used in development"
        if design.data == "sim"
        else f"{seeds} of the trainings, on the same corpora"
    )
    return (
        "Does a tiny CoCa describe SAR images better if it learned from optical captions first? Six arms, "
        f"{shares}, {fresh}; every arm has its learning rate from the same grid and its stopping step by "
        "validation."
    )


def finding(findings: Findings, control: Arm, metric: Metric) -> str:
    """Return what the intervals say: where progressive is better than a control, and where worse."""
    mine = [one for one in findings.differences if one.control is control and one.metric is metric]
    parts = [
        f'<span class="{kind}">{word} at {_shares(shares)}</span>'
        for kind, word, verdict in (("good", "better", 1), ("bad", "worse", -1))
        if (shares := [one.fraction for one in mine if one.verdict == verdict])
    ]
    return ", ".join(parts) or "not told apart"


def meaning(design: Design) -> Iterator[str]:
    """Yield what a reader must know to read the figures rightly."""
    yield (
        "<b>Mean recall</b> is the mean of R@1, R@5 and R@10 in both directions on the test split, "
        "duplicate-aware: every caption with equal facts counts as right. It depends on the number of "
        "test images and is not comparable with figures on other test sets."
    )
    yield (
        "<b>Caption cross-entropy</b> is that of the test captions under the model, in nats per token of "
        f"its own small vocabulary; {_worded(design)}"
    )
    yield (
        "<b>Precision and recall of facts</b> are those of greedy captions, read back statement by "
        "statement (class, number and zone of objects; class, share and zone of land cover) and compared "
        "with the annotation. An unfinished caption states nothing. What a corpus does not annotate is "
        f"not judged.{_rewritten(design)}"
    )
    yield (
        "<b>Samples</b> are pairs seen in training, repetitions counted, over all stages; "
        "<i>direct-total</i> and <i>mixed</i> have as many as <i>progressive</i> and <i>shuffled</i>, "
        "<i>direct</i> has those of the SAR stage. <i>Mixed</i> draws optical and SAR pairs in proportion to "
        "their numbers: the smaller the share of the SAR captions, the fewer of its samples are SAR ones, "
        "while the other arms see as many at every share (column “of them SAR”, counted). <b>Seconds</b> "
        "are those of one process with one thread beside others, and tell an order of size only."
    )
    yield (
        "Where <i>direct</i> or <i>direct-total</i> is as good as <i>progressive</i>, the optical stage "
        "bought nothing that more steps on SAR captions do not buy. Where <i>shuffled</i> is as good, it "
        "was not the optical captions' meaning that helped, but their pictures or their words."
    )
    yield (
        "Validation uses the whole validation split at every share, and the tokenizer has read the whole "
        "train split's captions: at a small share an arm knows the words, and when to stop, better than "
        "its captions alone would tell."
    )
    if design.data == "sim":
        yield (
            "The optical and SAR scenes come from one simulator: the same themes, objects and words, no "
            "atmosphere, no terrain, no change of season. That is kinder to transfer than reality, and "
            "the models are tiny and trained from nothing. Whether the result holds for large pretrained "
            "models, this study cannot say."
        )
    else:
        yield (
            "The corpora are small samples, the SAR captions are mostly of ships, and all seeds share one "
            "test set: the intervals tell what other test images and other seeds of these corpora would "
            "give, not other corpora. The models are tiny and trained from nothing."
        )


def _worded(design: Design) -> str:
    """What wording the test captions have: that which the SAR stages are taught."""
    if design.rows[SAR].paraphrase and design.parameters.narrator.paraphrase:
        return "it contains the choice among paraphrases, which no image decides."
    return "annotated images are told in the grammar's plain words, as in the SAR stages' training."


def _rewritten(design: Design) -> str:
    methods = design.rows[SAR].methods
    if methods and OPTICAL_RULES.name not in methods:
        return (
            f" Training on SAR captions, validation and test use those made by {' and '.join(methods)} alone, "
            "for all arms alike."
        )
    return (
        " Captions that were rewritten from optical ones are not read back; they count in recall and "
        "cross-entropy alone."
    )


def _shares(fractions: list[float]) -> str:
    told = [f"{100 * one:g}" for one in fractions]
    together = told[0] if len(told) == 1 else f"{', '.join(told[:-1])} and {told[-1]}"
    return f"{together}&nbsp;%"
