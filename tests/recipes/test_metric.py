"""Recipe: a new metric is a file with its entry, a line where metrics are listed, and a test."""

import csv

import pytest

from tests.evaluation.generated import needs_jars, needs_java
from tests.evaluation.released import captions_file, published

METRIC = '''
"""The share of captions that begin as one of their references does."""

import numpy as np

from sartext.evaluation.metrics import Metric


def same_beginning(captions, references):
    """Return 100 for each caption whose first word begins a reference, else 0, [n]."""
    starts = [{text.split()[0] for text in of_image} for of_image in references]
    return np.array([100.0 * (caption.split()[:1] != [] and caption.split()[0] in words)
                     for caption, words in zip(captions, starts, strict=True)])


METRICS = (
    Metric("captioning", "same_beginning", "begins as a reference", unit="%", section="scores", headline=True,
           per_caption=True, meaning="The first word alone.", compute=same_beginning),
)
'''


@needs_java
@needs_jars
@pytest.mark.slow
def test_a_made_up_metric_is_scored_and_shown(scratch, tmp_path):
    scratch.write("evaluation/metrics/beginnings.py", METRIC)
    scratch.add_line(
        "evaluation/registry.py", "evaluation.metrics import", "from sartext.evaluation.metrics import beginnings"
    )
    scratch.add_line("evaluation/registry.py", "*spice.METRICS", "*beginnings.METRICS,")
    assert scratch.edited() == {"evaluation/registry.py"}

    small = published(tmp_path / "released")
    rows = sorted(small.captions.items())
    wrong = [
        (image_id, f"Wrongly {caption}" if number < 2 else caption)
        for number, (image_id, caption) in enumerate(rows)
    ]
    file, out = captions_file(tmp_path / "captions.csv", wrong), tmp_path / "scores.csv"
    command = ["-m", "sartext", "--root", str(small.built.root), "evaluate", str(small.release)]
    command += ["--task", "captioning", "--captions", str(file), "--out", str(out), "--resamples", "100"]
    done = scratch.python(*command)
    assert done.returncode == 0, done.stderr

    (line,) = (line for line in done.stdout.splitlines() if "begins as a reference" in line and " model " in line)
    assert "75" in line and "%" in line
    with out.open() as stream:
        scores = [row for row in csv.DictReader(stream) if row["metric"] == "same_beginning"]
    whole = {row["variant"]: row for row in scores if row["subset"] == "all"}
    assert (float(whole["model"]["value"]), whole["model"]["unit"]) == (pytest.approx(75), "%")
    assert {"model", "grammar", "most-frequent", "constant-f1"} <= set(whole)
    assert {row["subset"] for row in scores} >= {"all", "corpus:alpha", "corpus:sim-toy"}

    done = scratch.python(
        "-c", "from sartext.evaluation.registry import names_in; print(names_in('captioning', 'scores'))"
    )
    assert "'spice', 'same_beginning'" in done.stdout
