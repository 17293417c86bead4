"""A grounder with all that is needed to use it: built from a foundation, written to a folder, read back.

The folder holds ``model.safetensors`` and ``grounder_config.json``: side, tower, classes and normalisation.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, ValidationError, model_validator
from safetensors.torch import save_file

from sartext.config import Section, explain_validation
from sartext.errors import ModelError
from sartext.files import atomic_path, sha256_file, write_json
from sartext.models.construction import FOLDER, read_foundation_file
from sartext.models.grounder.network import GroundingNetwork, SmallTower
from sartext.models.model import normalised
from sartext.models.towers import FeatureTower, check_side, feature_tower
from sartext.models.weights import AGAIN, WEIGHTS, load_weights, read_object, read_record, verify_weights
from sartext.narrator.vocabulary import Vocabulary

CONFIG = "grounder_config.json"

Three = tuple[float, float, float]

GREY_MEAN, GREY_STD = (0.2, 0.2, 0.2), (0.2, 0.2, 0.2)
"""What a small tower takes off each channel, of pixels from 0 to 1, and divides it by: SAR pictures are dark."""


class GrounderFoundation(Section):
    """What a grounder starts from: its tower and the width of its pyramid.

    The tower is a network of timm, ``architecture``, from random weights or ``pretrained`` ones, or a small one:
    ``widths`` are the channels of its levels. With eight ``turns`` the heat map of a picture is the mean of those
    of its quarter turns and their mirror images, see `maps.ground`.
    """

    architecture: str | None = None
    pretrained: str | None = None
    widths: tuple[Annotated[int, Field(ge=8, le=1024, multiple_of=2)], ...] = Field((), max_length=6)
    pyramid: int = Field(ge=8, le=1024)
    turns: Literal[1, 8] = 1

    @model_validator(mode="after")
    def _has_one_tower(self) -> "GrounderFoundation":
        if (self.architecture is None) == (not self.widths):
            raise ValueError("architecture: name a network of timm, or `widths` of a small tower, one of the two")
        if self.pretrained is not None and self.architecture is None:
            raise ValueError("pretrained: weights are of a network of timm, name it as `architecture`")
        return self


class GrounderConfig(Section):
    """What ``grounder_config.json`` says: classes by the keys of the vocabulary, in the order of the maps."""

    foundation: GrounderFoundation
    side: int = Field(ge=16, le=4096)
    things: tuple[str, ...]
    stuff: tuple[str, ...]
    scenes: tuple[str, ...]
    stride: int = Field(ge=1, description="pixels along the side of a cell of the maps")
    mean: Three
    std: Three

    @property
    def cells(self) -> int:
        """Cells along a side of the maps."""
        return self.side // self.stride


@dataclass
class Grounder:
    """A network and its configuration; ``sha256`` is of the weights that it was read from, None for new ones."""

    network: GroundingNetwork
    config: GrounderConfig
    sha256: str | None = None

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.network.parameters()).device

    def normalise(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return pictures as the network takes them, see `sartext.models.model.normalised`."""
        config = self.config
        # half as much again as fast with the channels last
        return normalised(pictures, config.side, config.mean, config.std, torch.channels_last)


def start_grounder(path: Path, vocabulary: Vocabulary, *, side: int, seed: int) -> Grounder:
    """Return the grounder that a training starts from, the same for the same seed in every process.

    Args:
        path: a foundation file.
        vocabulary: the classes that it learns.
        side: width and height in pixels of the pictures that it will be given.
        seed: of weights that are not read.

    Raises:
        ModelError: the file is absent or wrong, or the side is none that the tower can take.
    """
    foundation = read_foundation_file(path, GrounderFoundation, key="from", others=FOLDER)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        tower = _tower(foundation, path, foundation.pretrained)
        check_side(side, tower.strides[-1], path)
        config = GrounderConfig(
            foundation=foundation,
            side=side,
            things=tuple(vocabulary.things),
            stuff=tuple(vocabulary.stuff),
            scenes=tuple(name.casefold() for name in vocabulary.scenes),
            stride=tower.strides[0],
            mean=tower.mean,
            std=tower.std,
        )
        return Grounder(_network(tower, config), config)


def _tower(foundation: GrounderFoundation, where: Path, pretrained: str | None) -> FeatureTower:
    if foundation.architecture is not None:
        return feature_tower(foundation.architecture, pretrained=pretrained, where=where)
    small = SmallTower(foundation.widths)
    return FeatureTower(small, small.channels, small.strides, GREY_MEAN, GREY_STD)


def _network(tower: FeatureTower, config: GrounderConfig) -> GroundingNetwork:
    network = GroundingNetwork(
        tower.network,
        tower.channels,
        things=len(config.things),
        stuff=len(config.stuff),
        scenes=len(config.scenes),
        width=config.foundation.pyramid,
    )
    laid_out: Any = network
    laid_out.to(memory_format=torch.channels_last)
    return network


def save_grounder(grounder: Grounder, folder: Path) -> str:
    """Write weights and configuration into a folder; return the SHA-256 of the weights."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {key: value.detach().cpu().contiguous() for key, value in grounder.network.state_dict().items()}
    with atomic_path(folder / WEIGHTS) as temporary:
        save_file(weights, temporary, metadata={"format": "pt"})
    write_json(folder / CONFIG, grounder.config.model_dump(mode="json"))
    return sha256_file(folder / WEIGHTS)


def load_grounder(folder: Path, *, device: torch.device | None = None) -> Grounder:
    """Read a grounder's folder, in evaluation mode.

    Raises:
        ModelError: it is no such folder, its weights are not those of its training, or they do not fit.
    """
    path = folder / CONFIG
    content: dict[str, Any] = read_object(path, AGAIN)
    if not content:
        raise ModelError(
            f"no grounder: there is no {CONFIG}", where=folder, way_out="run `sartext train grounder`"
        )
    try:
        config = GrounderConfig.model_validate(content)
    except ValidationError as error:
        what, _ = explain_validation(error, GrounderConfig, path)
        raise ModelError(what, where=path, way_out=AGAIN) from error
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise ModelError(f"no grounder: there is no {WEIGHTS}", where=folder, way_out=AGAIN)
    if read_record(folder):
        verify_weights(folder, weights)
    network = _network(_tower(config.foundation, path, None), config)
    load_weights(network, weights)
    if device is not None:
        network.to(device)
    return Grounder(network.eval(), config, sha256_file(weights))
