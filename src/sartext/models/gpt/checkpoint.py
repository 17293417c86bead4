"""SAR-GPT on disk: a folder that plain transformers reads too.

``LlavaForConditionalGeneration.from_pretrained(FOLDER)`` and ``AutoProcessor.from_pretrained(FOLDER)`` give the
same network, tokens and pictures. Pictures of another size than the model's are resized to the same bytes with
``backend="pil"``; torchvision's filter differs by a few grey levels.
"""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, LlavaForConditionalGeneration, LlavaProcessor

from sartext.errors import ModelError
from sartext.files import disk_errors, read_json, sha256_file
from sartext.models.checkpoint import GPT_CONFIG, GPT_TYPE, folder_of, is_stage
from sartext.models.gpt.construction import IMAGES
from sartext.models.gpt.language import no_progress_bars
from sartext.models.gpt.model import Gpt, image_processor
from sartext.models.model import device_of
from sartext.models.weights import CONFIG as OPEN_CLIP
from sartext.models.weights import WEIGHTS, check_finite, read_object, verify_weights

CONFIG, PROCESSOR, TOKENIZER = GPT_CONFIG, "processor_config.json", "tokenizer.json"
AGAIN = "run the training that makes it, or copy it again"


def save_gpt(model: Gpt, folder: Path) -> str:
    """Write a SAR-GPT into a folder as transformers reads it; return the SHA-256 of ``model.safetensors``.

    Equal weights give equal bytes. The model must be without adapters, see `construction.merge`. Use
    `files.atomic_folder` to have the folder whole or not at all.

    Raises:
        ArtefactError: the disk is full or the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with disk_errors(folder / WEIGHTS), no_progress_bars():
        # one file, whatever its size: its hash is the model's
        model.network.save_pretrained(folder, max_shard_size="1TB")
        model.processor.save_pretrained(folder)
    return sha256_file(folder / WEIGHTS)


def load_gpt(folder: Path | str, *, device: str | torch.device = "cpu") -> Gpt:
    """Return the SAR-GPT in a folder, in evaluation mode, float32, with the hash of its weights.

    Where ``training.json`` is there, it must vouch for them. For ``device`` see ``device_of``.

    Raises:
        ModelError: it is no such folder (an open_clip checkpoint, another model), something is missing or damaged,
            or the device is absent.
    """
    folder = folder_of(folder)
    place = device_of(device)
    config = _read_config(folder)
    weights = folder / WEIGHTS
    for name in (WEIGHTS, PROCESSOR, TOKENIZER):
        if not (folder / name).is_file():
            way_out = AGAIN if is_stage(folder) else "copy it from where the model was saved"
            raise ModelError(f"there is no {name}", where=folder, way_out=way_out)
    digest = sha256_file(weights)
    verify_weights(folder, weights, digest)
    processor = _read_processor(folder)
    try:
        with no_progress_bars(), torch.random.fork_rng(devices=[]):
            network, info = LlavaForConditionalGeneration.from_pretrained(
                folder, dtype=torch.float32, local_files_only=True, use_safetensors=True, output_loading_info=True
            )
    except Exception as error:  # transformers and safetensors raise almost anything on damaged files
        raise ModelError(
            f"the model cannot be read ({type(error).__name__}: {error})", where=folder, way_out=AGAIN
        ) from error
    kinds = ("missing_keys", "unexpected_keys", "mismatched_keys")
    if lacking := sorted({str(key) for kind in kinds for key in info[kind]}):
        raise ModelError(f"its weights do not fit its configuration: '{lacking[0]}'", where=weights, way_out=AGAIN)
    check_finite(network.state_dict(), weights, AGAIN)
    return Gpt(network.to(place).eval(), processor, bool(config.get(IMAGES, True)), digest)


def _read_config(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        way_out = "run the training that makes it" if is_stage(folder) else "name the folder of a SAR-GPT"
        raise ModelError("no model's folder", where=folder, way_out=way_out)
    path = folder / CONFIG
    if not path.is_file():
        what = "an open_clip checkpoint answers no questions" if (folder / OPEN_CLIP).is_file() else "no SAR-GPT"
        raise ModelError(f"{what}: there is no {CONFIG}", where=folder, way_out="name the folder of a SAR-GPT")
    config = read_object(path, AGAIN)
    if (kind := config.get("model_type")) != GPT_TYPE:
        raise ModelError(
            f"a model of type '{kind}', no SAR-GPT, which is a '{GPT_TYPE}'",
            where=path,
            way_out="name a SAR-GPT's folder",
        )
    return config


def _read_processor(folder: Path) -> LlavaProcessor:
    """Put the processor together from its files; `AutoProcessor` would take torchvision's filter."""
    try:
        settings = read_json(folder / PROCESSOR)
        pictures = settings["image_processor"]
        side = int(pictures["size"]["height"])
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        chat = folder / "chat_template.jinja"
        return LlavaProcessor(
            image_processor(side, pictures["image_mean"], pictures["image_std"]),
            tokenizer,
            patch_size=settings["patch_size"],
            vision_feature_select_strategy=settings["vision_feature_select_strategy"],
            num_additional_image_tokens=settings["num_additional_image_tokens"],
            chat_template=chat.read_text(encoding="utf-8") if chat.is_file() else None,
        )
    except Exception as error:  # of JSON, tokenizers and the disk
        raise ModelError(
            f"its processor cannot be read ({type(error).__name__}: {error})", where=folder, way_out=AGAIN
        ) from error
