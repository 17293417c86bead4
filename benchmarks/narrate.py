"""Pictures captioned by the narrator of this checkout, CoCa, CLIP and grounder together, on one core.

The checkpoints and thresholds of `make release` caption pictures of the unlabelled corpora, in batches as the
stage has them: the caption by CoCa, its similarity by CLIP, the maps of the grounder, and the proof (statements,
scores, facts and the caption's text). Reading the pictures is left out. Seconds are of processor time of one
thread, so that waiting for other work on the machine does not count; the least of three runs counts.
"""

import json
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from time import process_time
from typing import Any

from benchmarks.rows import Row

ROOT = Path(__file__).parents[1]
PICTURES = 192
RUNS = 3
PARTS = {
    "coca": "captions by CoCa",
    "clip": "their similarity with the pictures by CLIP",
    "grounder": "maps of the grounder",
    "proof": "statements, scores, facts and text",
}


def measure() -> list[Row]:
    """Run the benchmark in a process of its own; return the rows of its table."""
    if not (ROOT / "build" / "calibration" / "thresholds.json").is_file():
        return [Row("narrate.images_per_second", None, "1/s", "there is no narrator: run `make release` first")]
    command = [sys.executable, "-m", "benchmarks.narrate"]
    result = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    if result.returncode:
        raise RuntimeError(result.stderr.strip().splitlines()[-1])
    return rows(json.loads(result.stdout.splitlines()[-1]))


def rows(measured: dict[str, Any]) -> list[Row]:
    """Return the rows of the table: pictures per second, and the share of the time of each part."""
    seconds: dict[str, float] = measured["seconds"]
    whole = sum(seconds.values())
    parts = ", ".join(f"{name} {part / whole:.0%}" for name, part in seconds.items())
    where = f"{measured['images']} pictures of {measured['side']} pixels, one thread of the CPU"
    shares = [Row(f"narrate.share.{name}", seconds[name] / whole, "of time", said) for name, said in PARTS.items()]
    return [Row("narrate.images_per_second", measured["images"] / whole, "1/s", f"{where}: {parts}"), *shares]


def run() -> dict[str, Any]:
    """Narrate pictures of this checkout; return their number, their side, and the seconds of each part."""
    import torch

    from sartext.captioner.calibrated import Calibration, read_calibration
    from sartext.captioner.captioner import batches, beam_search, caption_pictures
    from sartext.captioner.corpus import index_rows, pictures_of
    from sartext.captioner.narrator import load_narrator
    from sartext.captioner.proof import decide
    from sartext.captioner.user_files.proving import worded
    from sartext.catalogue.loading import find_entry
    from sartext.config import Project
    from sartext.models.grounder.maps import ground
    from sartext.models.squashing import squash

    project = Project(ROOT)
    narrator = load_narrator(project)
    torch.set_num_threads(1)
    calibration: Calibration = read_calibration(project.calibration)
    captioner, side = narrator.captioner, narrator.grounder.config.side
    pictures = [
        squash(picture, side)
        for corpus in project.parameters.narrated
        for picture in pictures_of(project, find_entry(project, corpus), _sar(index_rows(project, corpus)), corpus)
    ][:PICTURES]
    runs = []
    for _ in range(RUNS + 1):  # the first warms up
        seconds = dict.fromkeys(PARTS, 0.0)
        for batch in batches(pictures, captioner.batch):
            clock = [process_time()]
            written = caption_pictures(captioner.coca, batch, captioner.length, beam_search(captioner.beams))
            clock.append(process_time())
            similarities = captioner.similarities(batch, [caption.text for caption in written])
            clock.append(process_time())
            groundings = ground(narrator.grounder, batch)
            clock.append(process_time())
            for caption, similarity, grounding in zip(written, similarities, groundings, strict=True):
                judged = replace(caption, similarity=similarity)
                worded(decide(judged, grounding, calibration.maps, calibration.vocabulary, calibration.rules))
            clock.append(process_time())
            for name, (start, end) in zip(PARTS, pairwise(clock), strict=True):
                seconds[name] += end - start
        runs.append(seconds)
    best = min(runs[1:], key=lambda seconds: sum(seconds.values()))
    return {"images": len(pictures), "side": side, "seconds": best}


def _sar(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["modality"] == "sar"]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run()) + "\n")
