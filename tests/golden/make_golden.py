"""Train a small CoCa and record what open_clip 3.3.0 generates with it under transformers 4.56.2.

open_clip's ``generate`` does not run with the transformers of this project, so this runs in an environment of its
own, from the root of the repository:

    python3 -m venv build/golden-env
    build/golden-env/bin/pip install torch==2.13.0 open_clip_torch==3.3.0 transformers==4.56.2 safetensors
    PYTHONPATH=src build/golden-env/bin/python -m tests.golden.make_golden

It reads ``coca.json``, and writes ``coca.safetensors``, ``pictures.npy``, ``tokens.json`` and ``ties.json``.
The model is trained because tokens of a random one hang on rounding; a picture for which 64-bit floats give other
tokens is left out for the same reason. Everything comes from seeds, on one thread.
"""

import json
import sys
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.torch import save_file

from sartext.models.compatibility import open_clip
from tests.golden import scripted
from tests.golden.scenes import END, PAD, START, WORDS, normalise, scenes

FOLDER = Path(__file__).parent
VERSIONS = {"open_clip": "3.3.0", "transformers": "4.56.2"}
SEED, STEPS, BATCH, PICTURES, FEWER = 5, 900, 64, 80, 24
CASES = ((6, 3, 30, 5), (6, 1, 30, 5), (4, 2, 16, 2), (6, 6, 30, 5), (8, 2, 24, 12), (2, 1, 40, 1))
"""Beams, groups, length and minimum of each search; the first, open_clip's own, is run on more pictures."""
CONFIG = json.loads((FOLDER / "coca.json").read_text())


def build() -> torch.nn.Module:
    """A CoCa with every weight from the seed."""
    torch.manual_seed(SEED)
    network = open_clip.CoCa(**deepcopy(CONFIG))
    width = network.text_decoder.text_projection.shape[0]
    torch.nn.init.normal_(network.text_decoder.text_projection, std=width**-0.5)  # open_clip leaves it to chance
    return network


def train(network: torch.nn.Module) -> float:
    """Teach it the captions of scenes; return the last loss."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=STEPS)
    loss = torch.zeros(())
    for step in range(STEPS):
        pictures, captions = scenes(BATCH, SEED + 1000 + step)
        longest = max(map(len, captions))
        ids = torch.tensor([caption + [PAD] * (longest - len(caption)) for caption in captions])
        scored = torch.tensor([len(caption) for caption in captions])[:, None] > torch.arange(1, longest)
        logits = network(torch.from_numpy(normalise(pictures)), ids)["logits"]
        loss = torch.nn.functional.cross_entropy(logits[scored], ids[:, 1:][scored])
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if step % 100 == 0:
            sys.stderr.write(f"step {step}: loss {loss.item():.3f}\n")
    return loss.item()


def generated(network: torch.nn.Module, images: torch.Tensor, case: tuple[int, int, int, int]) -> torch.Tensor:
    """What open_clip generates."""
    beams, groups, length, minimum = case
    tokens = {"sot_token_id": START, "eos_token_id": END, "pad_token_id": PAD}
    search = {"num_beams": beams, "num_beam_groups": groups, "seq_len": length, "min_seq_len": minimum}
    return network.generate(images, **search, **tokens)


def trimmed(row: torch.Tensor) -> list[int]:
    """A row up to its end token: how far it is filled up depends on the others."""
    ids = row.tolist()
    return ids[: ids.index(END) + 1] if END in ids else ids


def record(network: torch.nn.Module) -> None:
    """Write the pictures on which rounding decides nothing, and the tokens of every case."""
    pictures, _ = scenes(PICTURES, SEED)
    images = torch.from_numpy(normalise(pictures))
    exact = deepcopy(network).double()
    exact.__class__ = Exact
    steady = [True] * PICTURES
    for case in CASES:
        some = images if case == CASES[0] else images[:FEWER]
        pairs = zip(generated(network, some, case), generated(exact, some.double(), case), strict=True)
        for at, (caption, other) in enumerate(pairs):
            steady[at] &= trimmed(caption) == trimmed(other)
    np.save(FOLDER / "pictures.npy", pictures[steady])
    images, fewer = images[torch.tensor(steady)], sum(steady[:FEWER])
    some = {case: images if case == CASES[0] else images[:fewer] for case in CASES}
    cases = [{"case": case, "tokens": generated(network, some[case], case).tolist()} for case in CASES]
    record = {"versions": VERSIONS, "left_out": steady.count(False), "words": WORDS, "cases": cases}
    (FOLDER / "tokens.json").write_text(json.dumps(record, separators=(",", ":")) + "\n")
    sys.stderr.write(f"{sum(steady)} pictures, {steady.count(False)} left out\n")


class Exact(open_clip.CoCa):
    """A CoCa that reckons in 64-bit floats; the search wants logits of 32."""

    def forward(self, *args, **kwargs):
        outputs = super().forward(*args, **kwargs)
        return outputs | {"logits": outputs["logits"].float()}


class Scripted(open_clip.CoCa):
    """A CoCa whose logits stand in a table: of image and position, by the token before."""

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)
        self.table = scripted.table()

    def _encode_image(self, images, normalize=True):
        return images, images

    def forward(self, image, text=None, image_latent=None, image_embs=None, output_labels=True):
        position = text.shape[1] - 1
        logits = self.table[image.long(), position, text[:, -1]]
        return {"logits": logits[:, None]}


def record_ties() -> None:
    """Write what open_clip's search does with a table full of ties."""
    network, images = Scripted(), torch.arange(scripted.IMAGES)
    cases = [{"case": list(case), "tokens": generated(network, images, case).tolist()} for case in scripted.CASES]
    (FOLDER / "ties.json").write_text(json.dumps({"cases": cases}, separators=(",", ":")) + "\n")


def main() -> None:
    """Train, write the model, write what it generates."""
    installed = {"open_clip": open_clip.__version__, "transformers": transformers.__version__}
    if installed != VERSIONS:
        sys.exit(f"golden outputs come from {VERSIONS}, here is {installed}; see the docstring")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    record_ties()
    network = build()
    loss = train(network)
    network.eval()
    sys.stderr.write(f"loss {loss:.3f}\n")
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(weights, FOLDER / "coca.safetensors")
    with torch.no_grad():
        record(network)


if __name__ == "__main__":
    main()
