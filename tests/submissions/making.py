"""Tiny models of transformers with random weights, in folders as `save_pretrained` leaves them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tokenizers
import torch
from transformers import (
    BertConfig,
    BlipConfig,
    BlipForConditionalGeneration,
    BlipImageProcessor,
    BlipProcessor,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    GitConfig,
    GitForCausalLM,
    GitProcessor,
    GPT2Config,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PhiConfig,
    PreTrainedTokenizerFast,
    Siglip2Config,
    Siglip2ImageProcessor,
    Siglip2Model,
    Siglip2Processor,
    Siglip2Tokenizer,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
    SiglipProcessor,
    VisionEncoderDecoderConfig,
    VisionEncoderDecoderModel,
    ViTConfig,
    ViTImageProcessor,
)

from sartext.catalogue.entry import Entry
from sartext.catalogue.loading import load_catalogue
from sartext.config import Project
from sartext.models.gpt.model import CHAT, IMAGE
from sartext.models.vocabulary import train_vocabulary
from tests.models.making import CAPTIONS

PAD, START, END = "<pad>", "<s>", "</s>"
VOCABULARY = 400
SIDE, PATCH = 32, 8
VISION: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": SIDE,
    "patch_size": PATCH,
}
TEXT: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "vocab_size": VOCABULARY,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}


def tokenizer(longest: int = 64, texts: Sequence[str] = CAPTIONS, special: Sequence[str] = (), **more: Any) -> Any:
    """A byte-level BPE that puts tokens for start and end around a text."""
    raw = train_vocabulary(texts, (PAD, START, END, *special), VOCABULARY)
    raw.post_processor = tokenizers.processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, 1), (END, 2)]
    )
    names = {"bos_token": START, "eos_token": END, "pad_token": PAD, "model_max_length": longest}
    return PreTrainedTokenizerFast(tokenizer_object=raw, **names, **more)


def seeded(seed: int, build: Any) -> Any:
    """A network whose weights, larger than at a start, are drawn from a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(torch.randn_like(parameter), alpha=0.2)
    return network.eval()


def saved(folder: Path, network: Any, *processors: Any) -> Path:
    for part in (network, *processors):
        part.save_pretrained(folder)
    return folder


def clip_folder(folder: Path, *, context: int = 64, side: int = SIDE, seed: int = 1) -> Path:
    """A CLIP, whose pictures are cut to their middle."""
    config = CLIPConfig(
        text_config={**TEXT, "max_position_embeddings": context, "projection_dim": 16},
        vision_config={**VISION, "image_size": side, "projection_dim": 16},
        projection_dim=16,
    )
    pictures = CLIPImageProcessor(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
    return saved(folder, seeded(seed, lambda: CLIPModel(config)), CLIPProcessor(pictures, tokenizer(context)))


def siglip_folder(folder: Path, *, seed: int = 2) -> Path:
    """A SigLIP, whose text feature is that of the last place of the context, padding or not."""
    config = SiglipConfig(text_config={**TEXT, "max_position_embeddings": 64}, vision_config=VISION)
    pictures = SiglipImageProcessor(size={"height": SIDE, "width": SIDE})
    words = tokenizer(64, model_input_names=["input_ids"])
    return saved(folder, seeded(seed, lambda: SiglipModel(config)), SiglipProcessor(pictures, words))


def siglip2_folder(folder: Path, *, seed: int = 3) -> Path:
    """A SigLIP 2 of the kind that keeps the shape of a picture."""
    vision = {**VISION, "num_patches": 256, "patch_size": 16}
    vision.pop("image_size")
    config = Siglip2Config(text_config={**TEXT, "max_position_embeddings": 64}, vision_config=vision)
    processor = Siglip2Processor(Siglip2ImageProcessor(), gemma_tokenizer(64))
    return saved(folder, seeded(seed, lambda: Siglip2Model(config)), processor)


def gemma_tokenizer(longest: int) -> Siglip2Tokenizer:
    """A tokenizer as SigLIP 2 has it: lower case, spaces as a letter, the end token behind a text."""
    special = ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>")
    raw = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="<unk>"))
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=list(special), show_progress=False
    )
    raw.pre_tokenizer = tokenizers.pre_tokenizers.Split(" ", "merged_with_previous")
    raw.train_from_iterator([caption.lower().replace(" ", "\u2581") for caption in CAPTIONS], trainer)
    model = json.loads(raw.to_str())["model"]
    merges = [tuple(pair) for pair in model["merges"]]
    return Siglip2Tokenizer(model["vocab"], merges, model_max_length=longest, model_input_names=["input_ids"])


def blip_folder(folder: Path, *, seed: int = 4) -> Path:
    """A BLIP that writes captions."""
    text = {**TEXT, "max_position_embeddings": 40, "sep_token_id": 2, "encoder_hidden_size": 32}
    config = BlipConfig(text_config=text, vision_config=VISION, projection_dim=16)
    pictures = BlipImageProcessor(size={"height": SIDE, "width": SIDE})
    network = seeded(seed, lambda: BlipForConditionalGeneration(config))
    return saved(folder, network, BlipProcessor(pictures, tokenizer(40)))


def git_folder(folder: Path, *, seed: int = 5) -> Path:
    """A GIT."""
    config = GitConfig(vision_config=VISION, **{**TEXT, "max_position_embeddings": 48})
    pictures = CLIPImageProcessor(size={"height": SIDE, "width": SIDE}, do_center_crop=False)
    return saved(folder, seeded(seed, lambda: GitForCausalLM(config)), GitProcessor(pictures, tokenizer(48)))


def encoder_decoder_folder(folder: Path, *, seed: int = 6) -> Path:
    """A vision transformer with a GPT-2, whose processors lie beside each other."""
    decoder = GPT2Config(
        vocab_size=VOCABULARY, n_positions=48, n_embd=32, n_layer=2, n_head=2, bos_token_id=1, eos_token_id=2
    )
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(ViTConfig(**VISION), decoder)
    config.decoder_start_token_id, config.pad_token_id, config.eos_token_id = 1, 0, 2
    network = seeded(seed, lambda: VisionEncoderDecoderModel(config))
    pictures = ViTImageProcessor(size={"height": SIDE, "width": SIDE})
    return saved(folder, network, pictures, tokenizer(48))


def llava_folder(folder: Path, *, context: int = 256, template: str | None = CHAT, seed: int = 7) -> Path:
    """A LLaVA of a CLIP's tower and a Phi, which is no SAR-GPT."""
    words = tokenizer(context, special=(IMAGE,), add_bos_token=False)
    image_token = words.convert_tokens_to_ids(IMAGE)
    language = PhiConfig(**{**TEXT, "max_position_embeddings": context})
    from transformers import CLIPVisionConfig

    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**VISION),
        text_config=language,
        image_token_id=image_token,
        image_seq_length=(SIDE // PATCH) ** 2,
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
    )
    pictures = CLIPImageProcessor(size={"height": SIDE, "width": SIDE}, do_center_crop=False)
    processor = LlavaProcessor(
        pictures,
        words,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=template,
    )
    return saved(folder, seeded(seed, lambda: LlavaForConditionalGeneration(config)), processor)


def bert_folder(folder: Path) -> Path:
    """The configuration of a model that does nothing of ours."""
    BertConfig(architectures=["BertModel"]).save_pretrained(folder)
    return folder


def entries_of(root: Path, corpora: Sequence[str]) -> dict[str, Entry]:
    """The entries of a project's corpora."""
    catalogue = load_catalogue(Project(root))
    return {name: catalogue[name] for name in corpora}
