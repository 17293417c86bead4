"""Speed of a training step against open_clip's own trainer, on the same model and the same pairs.

open_clip's ``train_one_epoch`` (package ``open_clip_train``, which comes with ``open_clip_torch``) and this
project's `sartext.training.loop.fit` take the same steps in turns, in one process, on the same device with the
same threads and precision: forward, loss, backward, clipping, AdamW, learning rate. Both read batches from
memory in the form that they get them in: open_clip normalised pictures and captions padded to the context, this
project 8-bit pictures, which it normalises inside the measured time, and captions padded to the batch's
longest. Both losses are plain InfoNCE (and CoCa's caption loss), so that the loss after the first step must be
the same; it is checked. The figure is the median over rounds of the ratio of samples per second; which of the
two begins alternates. This project's determinism is on, as in its trainings.
"""

import random
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from benchmarks.annotations import THINGS, bench_entry
from benchmarks.rows import Row
from sartext.config.training import TrainingParameters
from sartext.models.compatibility import open_clip
from sartext.models.construction import FOLDER, Foundation, build, read_foundation
from sartext.models.model import Model, normalise
from sartext.models.tokenizer import train_tokenizer
from sartext.narrator.annotated import naming, object_facts
from sartext.narrator.realisation import realise
from sartext.training.batches import Batch
from sartext.training.image_text import ImageTextTask
from sartext.training.loop import fit

ROUNDS = 5
STEPS = 5
BATCH = 128
CONTEXT = 32
RATE = 0.001


@dataclass(frozen=True)
class Case:
    """What is trained: a foundation, on a device, in a precision, in batches of so many pairs."""

    name: str
    foundation: Foundation
    device: str = "cpu"
    precision: str = "fp32"
    batch: int = BATCH


def cases() -> list[Case]:
    """Return the tiny models on the CPU, and on a GPU, if there is one, the large CoCa in bfloat16."""
    tiny = [Case(name, read_foundation(FOLDER / f"{name}-tiny.yaml")) for name in ("clip", "coca")]
    if not torch.cuda.is_available():
        return tiny
    return [*tiny, Case("coca_ViT-L-14", Foundation("coca_ViT-L-14", None, "clip"), "cuda", "bf16", 64)]


def measure() -> list[Row]:
    """Run the benchmark; return the rows of its table."""
    rows, ratios = [], []
    for case in cases():
        comparison = compare(case)
        ratios.append(median(comparison["ratios"]))
        where = f"{case.device}, {case.precision}, batch {case.batch}, {comparison['threads']} threads"
        rows.append(Row(f"training.speed_over_open_clip.{case.name}", ratios[-1], "ratio", where, least=1.0))
        rows.append(Row(f"training.samples_per_second.{case.name}", median(comparison["ours"]), "1/s", where))
        rows.append(
            Row(f"training.open_clip_samples_per_second.{case.name}", median(comparison["theirs"]), "1/s", where)
        )
    against = "open_clip's train_one_epoch, same model and pairs in turns, the least of the models"
    return [Row("training.speed_over_open_clip", min(ratios), "ratio", against, least=1.0), *rows]


def compare(case: Case, rounds: int = ROUNDS, steps: int = STEPS) -> dict[str, Any]:
    """Train in turns; return samples per second of each round and their ratios.

    Raises:
        RuntimeError: the two do not compute the same loss.
    """
    threads = torch.get_num_threads()
    captions = generated_captions(4 * case.batch)
    with tempfile.TemporaryDirectory(prefix="sartext-bench-") as name:
        train_tokenizer(captions, 1024, CONTEXT).save(Path(name))
        models = [build(case.foundation, Path(name), seed=7) for _ in range(2)]
    batches = _batches(models[0], captions, case, steps)
    found: dict[str, Any] = {"ours": [], "theirs": [], "threads": threads}
    sides = [("ours", _Ours(models[0], batches, case, threads)), ("theirs", _Theirs(models[1], batches, case))]
    first = {name: side.run(1)[1] for name, side in sides}  # both start from the same weights; it warms up too
    if abs(first["ours"] - first["theirs"]) > 0.02 * abs(first["theirs"]):
        raise RuntimeError(f"{case.name}: the losses differ: {first}")
    for number in range(rounds):
        for name, side in sides if number % 2 == 0 else sides[::-1]:
            found[name].append(side.run(steps)[0])
    found["ratios"] = [mine / other for mine, other in zip(found["ours"], found["theirs"], strict=True)]
    found["loss"] = first
    return found


def generated_captions(count: int) -> list[str]:
    """Return that many captions of generated boxes, in the words of the narrator's grammar."""
    names, draw, captions = naming(bench_entry()), random.Random(7), []
    while len(captions) < count:
        rows = []
        for _ in range(draw.choice((1, 1, 1, 2, 2, 3, 5))):
            left, top = draw.uniform(0, 240), draw.uniform(0, 240)
            box = {"xmin": left, "ymin": top, "xmax": left + 12, "ymax": top + 9, "angle": None}
            rows.append({"label": draw.choice(tuple(THINGS)), **box})
        facts, _ = object_facts(rows, 256, 256, names)
        captions.append(realise(facts, f"bench/{len(captions)}", 7)[0])
    return captions


def _batches(model: Model, captions: list[str], case: Case, steps: int) -> list[Batch]:
    fitting = [caption for caption in captions if not model.tokenizer.too_long([caption])]
    draw, pick = torch.Generator().manual_seed(7), random.Random(8)
    made = []
    for step in range(steps):
        texts = tuple(pick.choice(fitting) for _ in range(case.batch))
        shape = (case.batch, 3, model.side, model.side)
        images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=draw)
        names = tuple(f"bench/{step}-{number}" for number in range(case.batch))
        made.append(Batch(step, images, model.tokenizer.encode(texts), torch.arange(case.batch), names, texts))
    return made


class _Ours:
    """This project's loop; as a source it gives the same batches again and again."""

    def __init__(self, model: Model, batches: list[Batch], case: Case, threads: int) -> None:
        self.model, self.batches, self.batch = model, batches, case.batch
        self.parameters = TrainingParameters.model_validate(
            {
                "batch": case.batch,
                "contrastive": "one-positive",
                "device": case.device,
                "precision": case.precision,
                "threads": threads,
            }
        )

    def from_step(self, step: int) -> Iterator[Batch]:
        """Yield the batches."""
        yield from self.batches[step:]

    def run(self, steps: int) -> tuple[float, float]:
        """Take steps; return samples per second and the loss of the first one."""
        samples = steps * self.batch
        task = ImageTextTask(self.model, self, [], self.parameters)
        fitted = fit(task, samples=samples, learning_rate=RATE)
        return fitted.samples_per_second, fitted.curves["steps"][0]["loss"]


class _Theirs:
    """open_clip's trainer, set up as its ``main`` does; as a loader it gives the batches as its own would."""

    def __init__(self, model: Model, batches: list[Batch], case: Case) -> None:
        self.model, self.case = model, case
        pad, context = model.tokenizer.pad, model.context
        self.batches: list[tuple[Tensor, Tensor]] = []
        for batch in batches:
            tokens = torch.nn.functional.pad(batch.tokens, (0, context - batch.tokens.shape[1]), value=pad)
            self.batches.append((normalise(batch.images, model), tokens))
        self.network = model.network.to(case.device)
        self.network.output_dict = True
        coca = model.kind == "coca"
        self.loss = open_clip.CoCaLoss(1.0, 1.0, pad_id=pad) if coca else open_clip.ClipLoss()
        self.losses: list[float] = []

    def run(self, steps: int) -> tuple[float, float]:
        """Take steps; return samples per second and the loss of the first one."""
        from open_clip_train.scheduler import cosine_lr
        from open_clip_train.train import train_one_epoch

        optimiser = _their_optimiser(self.network)
        schedule = cosine_lr(optimiser, RATE, round(0.1 * steps), steps)
        loader = _Loader(self.batches[:steps], self.case.batch)
        data = {"train": Namespace(dataloader=loader, set_epoch=lambda epoch: None)}
        seen: list[float] = []
        hook = self.loss.register_forward_hook(lambda _, __, out: seen.append(sum(out.values()).detach()))
        args = Namespace(
            device=self.case.device,
            precision="amp_bf16" if self.case.precision == "bf16" else "fp32",
            distill=False,
            accum_freq=1,
            skip_scheduler=False,
            horovod=False,
            grad_clip_norm=1.0,
            rank=0,
            local_rank=0,
            world_size=1,
            log_local=False,
            log_every_n_steps=100,
            batch_size=self.case.batch,
            wandb=False,
        )
        start = time.perf_counter()
        train_one_epoch(self.network, data, self.loss, 0, optimiser, None, schedule, None, args)
        if self.case.device == "cuda":
            torch.cuda.synchronize()
        seconds = time.perf_counter() - start
        hook.remove()
        return steps * self.case.batch / seconds, float(seen[0])


class _Loader:
    def __init__(self, batches: list[tuple[Tensor, Tensor]], batch: int) -> None:
        self.batches = batches
        self.num_batches, self.num_samples = len(batches), len(batches) * batch

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return iter(self.batches)


def _their_optimiser(network: torch.nn.Module) -> torch.optim.AdamW:
    """AdamW as open_clip's ``main`` makes it: two groups, torch's default implementation."""
    groups: dict[bool, list[torch.nn.Parameter]] = {False: [], True: []}
    for name, weight in network.named_parameters():
        spared = weight.ndim < 2 or any(part in name for part in ("bn", "ln", "bias", "logit_scale"))
        groups[not spared].append(weight)
    weights = [{"params": groups[False], "weight_decay": 0.0}, {"params": groups[True], "weight_decay": 0.1}]
    return torch.optim.AdamW(weights, lr=RATE, betas=(0.9, 0.98), eps=1e-6)
