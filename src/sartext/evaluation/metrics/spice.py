"""SPICE (Anderson et al. 2016) by the jar of pycocoevalcap, where the CoreNLP models that it needs are at hand.

The models are no package: ``SARTEXT_SPICE`` names their folder. Only a temporary folder is written to.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from sartext.bootstrap import Floats
from sartext.errors import EvaluationError
from sartext.evaluation.metrics import Metric
from sartext.evaluation.metrics.java import jar, run_java

FOLDER = "SARTEXT_SPICE"
"""The environment variable that names the folder of the models."""

MODELS = ("stanford-corenlp-3.6.0.jar", "stanford-corenlp-3.6.0-models.jar")
ARCHIVE = "https://nlp.stanford.edu/software/stanford-corenlp-full-2015-12-09.zip"
PROGRAM = "edu.anu.spice.SpiceScorer"
JAR = "spice/spice-1.0.jar"
MEMORY = "-Xmx8G"

ABSENT = f"SPICE needs {' and '.join(MODELS)}: unpack {ARCHIVE} and name its folder in {FOLDER}"
"""Why there is no SPICE, and how to get it."""


def spice_models() -> Path | None:
    """Return the folder of the models that ``SARTEXT_SPICE`` names; None where it names none.

    Raises:
        EvaluationError: a folder is named that does not hold them.
    """
    named = os.environ.get(FOLDER, "")
    if not named:
        return None
    folder = Path(named).expanduser()
    for name in MODELS:
        if not (folder / name).is_file():
            raise EvaluationError(f"{name} is not there", where=folder, way_out=f"unpack {ARCHIVE} there")
    return folder.resolve()


def spice_command(models: Path, source: Path, target: Path) -> list[str]:
    """Return the scorer's arguments to Java; without a cache, whose native libraries newer Java refuses."""
    scorer = jar(JAR)
    # the models first: the jar's own libraries hold parts of other versions
    classes = [*(models / name for name in MODELS), scorer, *sorted((scorer.parent / "lib").glob("*.jar"))]
    return [
        MEMORY,
        f"-Djava.io.tmpdir={target.parent}",
        "-cp",
        os.pathsep.join(map(str, classes)),
        PROGRAM,
        str(source),
        "-out",
        str(target),
        "-subset",
        "-silent",
    ]


def spice(captions: Sequence[str], references: Sequence[Sequence[str]]) -> Floats:
    """Return SPICE of n tokenised captions, [n], from 0 to 1, nan where the scorer has none; a corpus has their
    mean.

    Equal captions with equal references, at least one, are scored once.

    Raises:
        EvaluationError: Java, the jar, the models or the answer is absent.
    """
    models = spice_models()
    if models is None:
        raise EvaluationError(ABSENT)
    keys = [(caption, tuple(refs)) for caption, refs in zip(captions, references, strict=True)]
    places = {key: str(place) for place, key in enumerate(dict.fromkeys(keys))}
    items = [{"image_id": place, "test": key[0], "refs": key[1]} for key, place in places.items()]
    with TemporaryDirectory(prefix="sartext-spice-") as work:
        source, target = Path(work) / "captions.json", Path(work) / "scores.json"
        source.write_text(json.dumps(items, ensure_ascii=False), encoding="utf-8")
        run_java("SPICE", spice_command(models, source, target), cwd=Path(work))
        scores = read_scores(target)
    if set(scores) != set(places.values()):
        raise EvaluationError(f"SPICE scored {len(scores)} of {len(places)} captions", where=models)
    return np.array([scores[places[key]] for key in keys], dtype=np.float64)


def read_scores(path: Path) -> Mapping[str, float]:
    """Return the F-scores over all kinds of tuples, by image; nan where there is no tuple.

    Raises:
        EvaluationError: the file is absent or something else.
    """
    try:
        content: list[Any] = json.loads(path.read_text(encoding="utf-8"))
        scores = {str(item["image_id"]): item["scores"]["All"]["f"] for item in content}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvaluationError(
            f"SPICE wrote no scores ({error!r})", way_out="see the scorer's own messages"
        ) from error
    return {name: float(f) if isinstance(f, int | float) else np.nan for name, f in scores.items()}


METRICS = (
    Metric(
        "captioning",
        "spice",
        "SPICE",
        3,
        "0 to 1",
        meaning="F of the objects, attributes and relations that captions state. It needs the Stanford CoreNLP "
        "models, which no package registry carries: where they are absent it is not computed, never zero.",
        section="scores",
        per_caption=True,
        compute=spice,
        unavailable=lambda: "" if spice_models() else ABSENT,
    ),
)
