"""A model of some thousand weights and generated pairs, for tests of the loop itself."""

from collections.abc import Iterator, Sequence

import torch

from sartext.config.training import TrainingParameters
from sartext.models.construction import adapt_text, instantiate
from sartext.models.model import Model, preprocess_cfg
from sartext.models.tokenizer import train_tokenizer
from sartext.training.batches import Batch

SIDE = 32
CAPTIONS = [
    f"There is {number} ship in the {place}." for number in ("one", "two", "no") for place in ("sea", "port")
]
CAPTIONS += ["Water.", "One bridge and two ships are in this SAR image, and a part of it is land."]


def toy_model(kind: str = "coca", *, seed: int = 0, patch_dropout: float = 0.0) -> Model:
    """Build a tiny CLIP or CoCa with a tokenizer of its own."""
    tower = {"width": 16, "heads": 2, "layers": 1}
    vision = {"image_size": SIDE, "patch_size": 16, "width": 16, "layers": 1, "head_width": 8}
    config = {"embed_dim": 16, "vision_cfg": {**vision, "patch_dropout": patch_dropout}, "text_cfg": dict(tower)}
    if kind == "coca":
        pool = {"attentional_pool": True, "attn_pooler_queries": 4, "attn_pooler_heads": 2, "output_tokens": True}
        config["vision_cfg"] |= pool
        config["text_cfg"] |= {"embed_cls": True, "output_tokens": True}
        config |= {"multimodal_cfg": {**tower, "attn_pooler_heads": 2}, "custom_text": True}
    tokenizer = train_tokenizer(CAPTIONS, 300, 96)
    adapt_text(config, tokenizer)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = instantiate(config)
    return Model(network, tokenizer, {"model_cfg": config, "preprocess_cfg": preprocess_cfg(SIDE)}, kind)


def toy_batch(model: Model, count: int, step: int = 0) -> Batch:
    """Make a batch in which some pairs say the same; the pictures follow the captions."""
    draw = torch.Generator().manual_seed(1000 + step)
    chosen = torch.randint(len(CAPTIONS), (count,), generator=draw)
    noise = torch.randint(0, 100, (count, 3, SIDE, SIDE), generator=draw)
    images = (noise + 18 * chosen.view(-1, 1, 1, 1)).to(torch.uint8)
    captions = tuple(CAPTIONS[at] for at in chosen)
    names = tuple(f"toy/{step}-{number}" for number in range(count))
    return Batch(step, images, model.tokenizer.encode(captions), chosen.long(), names, captions)


class ToyBatches:
    """A source of such batches, the share of one process."""

    def __init__(self, model: Model, batch: int, rank: int = 0, world: int = 1) -> None:
        self.model, self.batch = model, batch
        self._share = slice(rank * batch // world, (rank + 1) * batch // world)

    def from_step(self, step: int) -> Iterator[Batch]:
        while True:
            whole = toy_batch(self.model, self.batch, step)
            part = self._share
            tokens = whole.tokens[part]
            # like the real ones, a share is cut to its own longest caption
            held = int((tokens != self.model.tokenizer.pad).any(dim=0).sum())
            yield Batch(
                step,
                whole.images[part],
                tokens[:, :held],
                whole.keys[part],
                whole.image_ids[part],
                whole.captions[part],
            )
            step += 1


def toy_validation(model: Model) -> Sequence[Batch]:
    """Make fixed validation batches."""
    return [toy_batch(model, 8, 10_000), toy_batch(model, 4, 10_001)]


def toy_parameters(**changed: object) -> TrainingParameters:
    """Parameters of a training of batches of 8."""
    return TrainingParameters.model_validate({"batch": 8, "threads": 1, "validate_every": 32, **changed})
