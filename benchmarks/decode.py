"""Captions of open_clip's CoCa: our decoder against open_clip's own ``generate``.

Both write the captions of the same images with the same weights by the same beam search (6 beams in 3 groups, 30
tokens, at least 5) and must give the same tokens. open_clip's ``generate`` runs under transformers 4.56.2 only, so
it runs in an environment of its own, ``build/bench-env``, made on first use, which shares torch with this one.

- ``tiny``: the trained model of ``tests/golden`` and its pictures; captions end where they end.
- ``coca_ViT-B-32``: random weights, so captions run to the full 30 tokens: the most work for both.
- on a GPU, ``coca_ViT-L-14`` in bf16: there rounding may decide, and the share of equal captions is told; so is
  the share of the matrix rate that the card reaches on a large product of matrices.

Each side is a process of its own, on one thread, warmed up first; seconds are of processor time, so that waiting
for other work on the machine does not count (of the clock on a GPU), and the least of three runs where runs are
short. Ours runs before and after open_clip's, and the slower of the two counts.
"""

import argparse
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from benchmarks.rows import Row

ROOT = Path(__file__).parents[1]
ENVIRONMENT = ROOT / "build" / "bench-env"
PINS = ("transformers==4.56.2", "tokenizers==0.22.2", "huggingface_hub==0.36.2")
GOLDEN = ROOT / "tests" / "golden"
TINY, BASE, LARGE = "tiny", "coca_ViT-B-32", "coca_ViT-L-14"
IMAGES = {TINY: 64, BASE: 8, LARGE: 32}
REPEATS = {TINY: 3, BASE: 1, LARGE: 3}
SEARCH = {"length": 30, "minimum": 5, "beams": 6, "groups": 3}
SEED = 13
LEAST = 20.0
"""Times as fast as open_clip, on a CPU."""


def measure() -> list[Row]:
    """Run the benchmark; return the rows of its table."""
    import torch

    models = (TINY, BASE, LARGE) if torch.cuda.is_available() else (TINY, BASE)
    try:
        python = environment()
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or error.stdout or str(error)).strip().splitlines()
        why = f"open_clip's environment cannot be made: {lines[-1] if lines else error}"
        return [Row("decode.speed_over_open_clip", None, "ratio", why, least=LEAST)]
    with tempfile.TemporaryDirectory(prefix="sartext-bench-") as name:
        return [row for model in models for row in _measure(model, python, Path(name))]


def environment() -> Path:
    """Make the environment of open_clip's ``generate`` where there is none; return its interpreter.

    Raises:
        subprocess.CalledProcessError: it cannot be installed.
    """
    python = ENVIRONMENT / "bin" / "python"
    ready = ENVIRONMENT / ".ready"
    if ready.exists() and ready.read_text() == " ".join(PINS):
        return python
    _called(sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT))
    shared = sysconfig.get_paths()["purelib"]
    own = ENVIRONMENT / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    (own / "shared.pth").write_text(f"{shared}\n")  # behind its own: torch and open_clip, but not transformers
    _called(str(python), "-m", "pip", "install", "--quiet", *PINS)
    ready.write_text(" ".join(PINS))
    return python


def _called(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


def _measure(model: str, python: Path, folder: Path) -> list[Row]:
    ours = _run("sartext", model, Path(sys.executable), folder)
    theirs = _run("open_clip", model, python, folder)
    again = _run("sartext", model, Path(sys.executable), folder)
    seconds = max(ours["seconds"], again["seconds"])
    same = [
        _trimmed(ours_) == _trimmed(theirs_)
        for ours_, theirs_ in zip(ours["tokens"], theirs["tokens"], strict=True)
    ]
    if model != LARGE and (ours["tokens"] != theirs["tokens"] or again["tokens"] != ours["tokens"]):
        raise AssertionError(f"{model}: {same.count(False)} of {len(same)} captions differ from open_clip's")
    suffix = "" if model == BASE else f".{model}"
    where = f"{model}, {len(same)} images, {ours['threads']} threads, {ours['device']}"
    rows = [
        Row(
            f"decode.speed_over_open_clip{suffix}",
            theirs["seconds"] / seconds,
            "ratio",
            f"{where}; {sum(same)} of {len(same)} captions equal",
            least=LEAST if ours["device"] == "cpu" else None,
        ),
        Row(f"decode.captions_per_second{suffix}", len(same) / seconds, "1/s", where),
        Row(f"decode.open_clip_per_second{suffix}", len(same) / theirs["seconds"], "1/s", where),
    ]
    if "matrix_share" in ours:
        rows.append(
            Row(f"decode.matrix_share{suffix}", again["matrix_share"], "share", "rate of a product of 8192 x 8192")
        )
    return rows


def _trimmed(ids: list[int]) -> list[int]:
    """Without what fills a caption up behind its end; the end is the id after the start in both vocabularies."""
    end = ids[0] + 1
    return ids[: ids.index(end) + 1] if end in ids else ids


def _run(side: str, model: str, python: Path, folder: Path) -> dict[str, Any]:
    """Measure one side in a process of its own."""
    places = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    command = [str(python), "-m", "benchmarks.decode", "--run", side, model, str(folder)]
    environ = os.environ | {"PYTHONPATH": places, "PYTHONWARNINGS": "ignore", "HF_HUB_OFFLINE": "1"}
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environ, check=False)
    if result.returncode:
        raise RuntimeError(f"{side} on {model}: {result.stderr.strip().splitlines()[-1]}")
    measured: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return measured


def run_side(side: str, model: str, folder: Path) -> dict[str, Any]:
    """Caption the images of a model by one of the two and return seconds and tokens."""
    import torch

    network, images, ids = _prepared(model, folder)
    device, clock = ("cuda", perf_counter) if model == LARGE else ("cpu", process_time)
    torch.set_num_threads(1)
    if model == LARGE:
        network, images = network.to(device, torch.bfloat16), images.to(device, torch.bfloat16)

    def caption(some: Any) -> Any:  # noqa: ANN401
        if side == "open_clip":
            names = {
                "seq_len": "length",
                "min_seq_len": "minimum",
                "num_beams": "beams",
                "num_beam_groups": "groups",
            }
            search = {theirs: SEARCH[ours] for theirs, ours in names.items()}
            return network.generate(
                some, **search, sot_token_id=ids["sot"], eos_token_id=ids["eos"], pad_token_id=ids["pad"]
            )
        from sartext.models.decoding.beams import open_clip_tokens

        return open_clip_tokens(network, some, **SEARCH, **ids)

    with torch.no_grad():
        caption(images[:2] if model == TINY else images[:1])
        runs = []
        for _ in range(REPEATS[model]):
            start = clock()
            tokens = caption(images).tolist()
            runs.append(clock() - start)
        seconds = min(runs)
    measured = {"seconds": seconds, "tokens": tokens, "threads": torch.get_num_threads(), "device": device}
    if device == "cuda" and side == "sartext":
        measured["matrix_share"] = _operations(caption, images) / seconds / _matrix_rate()
        measured["device"] = torch.cuda.get_device_name()
    return measured


def _prepared(model: str, folder: Path) -> tuple[Any, Any, dict[str, int]]:
    """The network, normalised images and the special tokens; weights of the first to ask serve the second."""
    import numpy as np
    import torch
    from safetensors.torch import load_file, save_file

    from sartext.models.compatibility import open_clip

    torch.manual_seed(SEED)
    if model == TINY:
        network = open_clip.CoCa(**json.loads((GOLDEN / "coca.json").read_text()))
        network.load_state_dict(load_file(GOLDEN / "coca.safetensors"))
        pictures = np.load(GOLDEN / "pictures.npy")[: IMAGES[TINY]]
        images = torch.from_numpy((pictures.astype(np.float32) / 127.5 - 1).transpose(0, 3, 1, 2).copy())
        return network.eval(), images, {"sot": 1, "eos": 2, "pad": 0}
    network = open_clip.create_model(model).eval()
    torch.nn.init.normal_(
        network.text_decoder.text_projection, std=network.text_decoder.text_projection.shape[0] ** -0.5
    )
    path = folder / f"{model}.safetensors"
    if path.exists():
        network.load_state_dict(load_file(path))
    else:
        save_file({name: value.contiguous() for name, value in network.state_dict().items()}, path)
    images = torch.randn(IMAGES[model], 3, 224, 224, generator=torch.Generator().manual_seed(SEED))
    return network, images, {"sot": 49406, "eos": 49407, "pad": 0}


def _operations(caption: Any, images: Any) -> int:  # noqa: ANN401
    """Floating-point operations of the products of matrices in one captioning."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        caption(images)
    return int(counter.get_total_flops())


def _matrix_rate() -> float:
    """Operations per second of a large product of matrices in bf16."""
    import torch

    matrix = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
    for rounds in (3, 20):  # the first warms up
        torch.cuda.synchronize()
        start = perf_counter()
        for _ in range(rounds):
            matrix @ matrix
        torch.cuda.synchronize()
        seconds = perf_counter() - start
    return 2 * 8192**3 * 20 / seconds


def main() -> None:
    """Run one side, in a process of its own."""
    parser = argparse.ArgumentParser(description="Benchmark of the captions written by CoCa.")
    parser.add_argument(
        "--run", nargs=3, required=True, metavar=("SIDE", "MODEL", "FOLDER"), help="one side, as JSON"
    )
    arguments = parser.parse_args()
    result = run_side(arguments.run[0], arguments.run[1], Path(arguments.run[2]))
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
