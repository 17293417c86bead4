"""SPICE (Anderson et al. 2016) by the jar of pycocoevalcap, where the CoreNLP models that it needs are at hand.

The models are no package: they are in a folder that ``SARTEXT_SPICE`` or an argument names. Nothing is written but
in a temporary folder.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from sartext.errors import EvaluationError
from sartext.evaluation.captioning.java import jar, run_java

Floats = npt.NDArray[np.float64]

FOLDER = "SARTEXT_SPICE"
"""The environment variable that names the folder of the models."""

MODELS = ("stanford-corenlp-3.6.0.jar", "stanford-corenlp-3.6.0-models.jar")
ARCHIVE = "https://nlp.stanford.edu/software/stanford-corenlp-full-2015-12-09.zip"
PROGRAM = "edu.anu.spice.SpiceScorer"
JAR = "spice/spice-1.0.jar"
MEMORY = "-Xmx8G"

ABSENT = f"SPICE needs {' and '.join(MODELS)}: unpack {ARCHIVE} and name its folder in {FOLDER}"
"""Why there is no SPICE, and how to get it."""


def spice_models(folder: Path | None = None) -> Path | None:
    """Return the folder of the models: the one named, else that of ``SARTEXT_SPICE``; None where neither is.

    Raises:
        EvaluationError: a folder is named that does not hold them.
    """
    told = os.environ.get(FOLDER, "")
    folder = folder or (Path(told).expanduser() if told else None)
    if folder is None:
        return None
    for name in MODELS:
        if not (folder / name).is_file():
            raise EvaluationError(f"{name} is not there", where=folder, way_out=f"unpack {ARCHIVE} there")
    return folder.resolve()


def spice_command(models: Path, asked: Path, answered: Path) -> list[str]:
    """Return the arguments of the Java process that reads one file and writes the other.

    No cache is asked for: it would need native libraries, and reflection that newer Java refuses.
    """
    scorer = jar(JAR)
    # the models first: the jar's own libraries hold parts of other versions
    classes = [*(models / name for name in MODELS), scorer, *sorted((scorer.parent / "lib").glob("*.jar"))]
    return [
        MEMORY,
        f"-Djava.io.tmpdir={answered.parent}",
        "-cp",
        os.pathsep.join(map(str, classes)),
        PROGRAM,
        str(asked),
        "-out",
        str(answered),
        "-subset",
        "-silent",
    ]


def spice(captions: Sequence[str], references: Sequence[Sequence[str]], models: Path) -> Floats:
    """Return SPICE of each caption, from 0 to 1; a corpus has their mean.

    Args:
        captions: n tokenised captions; equal ones with equal references are asked for once.
        references: those of each, tokenised, at least one.
        models: see `spice_models`.

    Returns:
        [n]; nan where the scorer has no score.

    Raises:
        EvaluationError: Java, the jar or its answer is absent.
    """
    keys = [json.dumps([one, *some], ensure_ascii=False) for one, some in zip(captions, references, strict=True)]
    places = {key: str(place) for place, key in enumerate(dict.fromkeys(keys))}
    asked = [{"image_id": place, "test": said, "refs": refs} for key, place in places.items()
             for said, *refs in [json.loads(key)]]  # fmt: skip
    with TemporaryDirectory(prefix="sartext-spice-") as work:
        source, target = Path(work) / "captions.json", Path(work) / "scores.json"
        source.write_text(json.dumps(asked, ensure_ascii=False), encoding="utf-8")
        run_java("SPICE", spice_command(models, source, target), cwd=Path(work))
        found = read_scores(target)
    if set(found) != set(places.values()):
        raise EvaluationError(f"SPICE scored {len(found)} of {len(places)} captions", where=models)
    return np.array([found[places[key]] for key in keys], dtype=np.float64)


def read_scores(path: Path) -> Mapping[str, float]:
    """Return the F-scores over all kinds of tuples that the scorer wrote, by image; nan where it has none.

    Raises:
        EvaluationError: the file is absent or something else.
    """
    try:
        content: list[Any] = json.loads(path.read_text(encoding="utf-8"))
        return {str(one["image_id"]): _number(one["scores"]["All"]["f"]) for one in content}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvaluationError(
            f"SPICE told no scores ({error!r})", way_out="see the scorer's own messages"
        ) from error


def _number(told: object) -> float:
    """The scorer writes null, or text, where a caption and its references tell nothing."""
    return float(told) if isinstance(told, int | float) else np.nan
