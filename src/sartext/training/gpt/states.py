"""What the image tower says of the pictures of a training: once per picture where the tower does not learn."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from sartext.models.gpt.model import Gpt, patch_states, pixel_values
from sartext.progress import track
from sartext.training.gpt.questions import Read

AT_A_TIME = 64
"""Pictures that the tower looks at together when it looks ahead."""


class PatchStates:
    """The states of each patch before the projector.

    A frozen tower looks at all pictures in the order of their ids, once, when the first is asked for; those that
    do not fit into memory it looks at again each time. So a training that goes on sees the same numbers.

    Args:
        model: with the tower, on its device.
        images: of the training, train and validation.
        read: returns their pictures.
        frozen: whether the tower's weights stay.
        most_bytes: that the states may take.
    """

    def __init__(self, model: Gpt, images: Iterable[str], read: Read, *, frozen: bool, most_bytes: int) -> None:
        self._model, self._read, self._frozen = model, read, frozen
        self._images = sorted(set(images))
        width = model.network.config.vision_config.hidden_size
        self._shape = (model.patches, width)
        self._most = most_bytes // (4 * model.patches * width) if frozen else 0
        self._held: Tensor | None = None
        self._rows: dict[str, int] = {}

    def of(self, image_ids: Sequence[str]) -> Tensor:
        """Return the states of pictures on the model's device: n x patches x width."""
        if not self._frozen:
            return self._look(image_ids)
        if self._held is None:
            self._held = self._look_ahead()
        with torch.no_grad():
            missing = [one for one in dict.fromkeys(image_ids) if one not in self._rows]
            fresh = dict(zip(missing, self._look(missing), strict=True)) if missing else {}
            device = self._model.device
            found = [
                fresh[one] if one in fresh else self._held[self._rows[one]].to(device, non_blocking=True)
                for one in image_ids
            ]
            return torch.stack(found)

    def _look(self, image_ids: Sequence[str]) -> Tensor:
        return patch_states(self._model, pixel_values(self._model, [self._read(one) for one in image_ids]))

    def _look_ahead(self) -> Tensor:
        kept = self._images[: self._most]
        self._rows = {one: row for row, one in enumerate(kept)}
        held = torch.empty((len(kept), *self._shape))
        parts = [range(at, min(at + AT_A_TIME, len(kept))) for at in range(0, len(kept), AT_A_TIME)]
        with torch.no_grad():
            for part in track(parts, f"pictures, {AT_A_TIME} at a time", len(parts)):
                held[part.start : part.stop] = self._look([kept[at] for at in part]).to("cpu", torch.float32)
        return held
