"""A model of transformers in a local folder: nothing is fetched or unpickled, and no code of the folder is run."""

import warnings as python_warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from PIL import Image

from sartext.errors import ModelError
from sartext.evaluation.benchmarks import Pixels
from sartext.files import canonical_json, sha256_file, sha256_text
from sartext.models.model import device_of
from sartext.models.squashing import check_picture, three_channels
from sartext.models.weights import check_finite, read_object, refuse_pickle
from sartext.submissions.kinds.kind import Seen

Use = Literal["encoder", "writer"]
"""What a network is for: features of images and texts, or texts about images."""

WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
"""In the order in which transformers looks for them."""

ADAPTER = "adapter_config.json"
AGAIN = "save it again by `save_pretrained`, or copy the folder again"
TOO_LONG = 300
"""Characters of a library's message that an error repeats."""


def class_of(seen: Seen, use: Use) -> type | None:
    """Return the class of transformers that a folder's configuration asks for, None where it is for another use.

    The first of ``architectures`` decides; where it is not stated, what the model type can do.

    Raises:
        ModelError: transformers knows no such model.
    """
    from transformers import AutoModel, AutoModelForImageTextToText

    config = _config(seen)
    encoder = _mapped(AutoModel, config)
    if not all(hasattr(encoder, method) for method in ("get_image_features", "get_text_features")):
        encoder = None
    wanted = {"encoder": encoder, "writer": _mapped(AutoModelForImageTextToText, config)}
    stated = seen.config.get("architectures")
    if isinstance(stated, list) and stated:
        named = wanted[use]
        return named if named is not None and named.__name__ == stated[0] else None
    return wanted[use] if use == "encoder" or encoder is None else None


def _mapped(auto: Any, config: Any) -> type | None:  # noqa: ANN401 - transformers is untyped
    try:
        found = auto._model_mapping[type(config)]
    except KeyError:
        return None
    first: type = found[0] if isinstance(found, tuple) else found
    return first


def _config(seen: Seen) -> Any:  # noqa: ANN401 - transformers is untyped
    from transformers import AutoConfig
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    kind = seen.config.get("model_type")
    where = seen.folder / "config.json"
    if not isinstance(kind, str) or kind not in CONFIG_MAPPING:
        brings = "; it brings code of its own, which is never run" if "auto_map" in seen.config else ""
        raise ModelError(
            f"transformers knows no model of type {kind!a}{brings}",
            where=where,
            way_out="take a model that transformers itself has",
        )
    try:
        with quiet():
            return AutoConfig.from_pretrained(seen.folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # any content of a stranger's file
        raise ModelError(f"no configuration ({told(error)})", where=where, way_out=AGAIN) from error


def load_network(folder: Path, use: Use, device: str) -> tuple[Any, str, tuple[str, ...]]:
    """Return the network of a folder, in evaluation mode on a device, the hash of its weights, and warnings.

    Weights are float32 on a processor; on a GPU as they were saved. The hash is that of the weights file; of
    several it is the hash of their names and hashes.

    Raises:
        ModelError: weights are missing, incomplete, not finite, more than tensors or of another architecture, or
            the device is absent.
    """
    place = device_of(device)
    files = weight_files(folder)
    found = class_of(Seen(folder, (), read_object(folder / "config.json", AGAIN)), use)
    if found is None:
        raise ModelError("its architecture is for another task", where=folder, way_out="name another model")
    hashes = {file.name: sha256_file(file) for file in files}
    digest = next(iter(hashes.values())) if len(files) == 1 else sha256_text(canonical_json(dict(hashes)))
    try:
        with quiet(), torch.random.fork_rng(devices=[]):
            network, info = found.from_pretrained(  # type: ignore[attr-defined]
                folder,
                dtype=torch.float32 if place.type == "cpu" else "auto",
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=files[0].suffix == ".safetensors",
                weights_only=True,
                output_loading_info=True,
            )
    except Exception as error:  # transformers, torch and safetensors raise almost anything on damaged files
        raise ModelError(f"the model cannot be read ({told(error)})", where=folder, way_out=AGAIN) from error
    lacking = sorted({str(key) for kind in ("missing_keys", "mismatched_keys") for key in info[kind]})
    if lacking:
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        raise ModelError(
            f"the weights lack '{lacking[0]}'{more}, which would be random", where=files[0], way_out=AGAIN
        )
    check_finite(network.state_dict(), files[0], "the training that wrote them failed: take another checkpoint")
    spare = sorted(map(str, info["unexpected_keys"]))
    warning = (
        f"{len(spare)} of its tensors have no place in the network and are not used, the first is {spare[:1]}"
    )
    return network.to(place).eval(), digest, (warning,) if spare else ()


def weight_files(folder: Path) -> list[Path]:
    """Return the files of tensors that transformers reads from a folder.

    Raises:
        ModelError: there are none, only pickles or an adapter, or an index names what lies elsewhere.
    """
    if (folder / ADAPTER).is_file():
        raise ModelError(
            f"an adapter ({ADAPTER}), whose base model would be fetched",
            where=folder,
            way_out="merge it into its base model (peft's `merge_and_unload`) and save the whole",
        )
    name = next((name for name in WEIGHTS if (folder / name).is_file()), None)
    if name is None:
        for file in sorted(folder.iterdir()):
            refuse_pickle(file, folder)
        raise ModelError("the folder holds no weights", where=folder, way_out=f"it should hold {WEIGHTS[0]}")
    if not name.endswith(".index.json"):
        return [folder / name]
    index = read_object(folder / name, AGAIN).get("weight_map")
    parts = sorted({str(part) for part in index.values()}) if isinstance(index, Mapping) else []
    suffix = ".safetensors" if "safetensors" in name else ".bin"
    for part in parts or [""]:
        if Path(part).name != part or not part.endswith(suffix) or not (folder / part).is_file():
            raise ModelError(f"its index names {part!a}, no {suffix} here", where=folder / name, way_out=AGAIN)
    return [folder / part for part in parts]


def load_processor(folder: Path) -> Any:  # noqa: ANN401 - transformers is untyped
    """Return the processor of a folder, which has both ``image_processor`` and ``tokenizer``.

    Raises:
        ModelError: it is missing or damaged.
    """
    from transformers import AutoProcessor

    try:
        with quiet():
            processor = AutoProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # of JSON, tokenizers and the disk
        raise ModelError(f"its processor cannot be read ({told(error)})", where=folder, way_out=AGAIN) from error
    for part in ("image_processor", "tokenizer"):
        if getattr(processor, part, None) is None:
            raise ModelError(
                f"its processor has no {part.replace('_', ' ')}",
                where=folder,
                way_out="save the processor of the model into the folder by `save_pretrained`",
            )
    return processor


def to_image(picture: Pixels) -> Image.Image:
    """Return a picture as processors take it, in RGB.

    Raises:
        ModelError: the array is no picture.
    """
    check_picture(picture)
    return Image.fromarray(three_channels(picture))


def told(error: Exception) -> str:
    """Return what a library says of a failure, cut to a line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:TOO_LONG]}{'...' if len(text) > TOO_LONG else ''}"


@contextmanager
def quiet() -> Iterator[None]:
    """Let transformers show and fetch nothing; what is wrong is an error or a warning of ours."""
    from huggingface_hub import constants
    from transformers.utils import logging

    level, bars, offline = logging.get_verbosity(), logging.is_progress_bar_enabled(), constants.HF_HUB_OFFLINE
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    constants.HF_HUB_OFFLINE = True
    try:
        with python_warnings.catch_warnings():
            python_warnings.simplefilter("ignore")
            yield
    finally:
        constants.HF_HUB_OFFLINE = offline
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def load_parts(folder: Path) -> tuple[Any, Any]:
    """Return the processors of a folder's pictures and of its texts, where there may be none of both.

    Raises:
        ModelError: one is missing or damaged.
    """
    from transformers import AutoImageProcessor, AutoTokenizer

    how = {"local_files_only": True, "trust_remote_code": False}
    try:
        with quiet():
            return AutoImageProcessor.from_pretrained(folder, **how), AutoTokenizer.from_pretrained(folder, **how)
    except Exception as error:  # of JSON, tokenizers and the disk
        raise ModelError(f"its processor cannot be read ({told(error)})", where=folder, way_out=AGAIN) from error
