"""What a row of ``checkpoints`` learns from and is validated on, by the training and by the study alike."""

from sartext.config.training import CheckpointParameters, TrainingParameters
from sartext.models.model import Model
from sartext.training.batches import Batch, Batches, validation_batches
from sartext.training.shards.reading import Shards


def batches_of_row(
    row: CheckpointParameters,
    training: TrainingParameters,
    shards: Shards,
    model: Model,
    *,
    fraction: float = 1.0,
    rank: int = 0,
    world: int = 1,
    workers: int | None = None,
) -> Batches:
    """Return the batches that a row is trained on; the options, and the errors, are those of `Batches`."""
    return Batches(
        shards,
        model.tokenizer,
        batch=training.batch,
        seed=training.seed,
        rank=rank,
        world=world,
        augment=training.augment,
        shuffle_captions=row.shuffle_captions,
        fraction=fraction,
        methods=row.methods,
        paraphrase=row.paraphrase,
        side=model.side,
        workers=workers,
    )


def validation_of_row(
    row: CheckpointParameters, training: TrainingParameters, shards: Shards, model: Model
) -> list[Batch]:
    """Return the batches that a row is validated on, see `validation_batches`."""
    return validation_batches(
        shards,
        model.tokenizer,
        batch=training.batch,
        side=model.side,
        methods=row.methods,
        paraphrase=row.paraphrase,
        shuffle_captions=row.shuffle_captions,
        seed=training.seed,
    )
