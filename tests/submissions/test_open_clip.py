"""Folders of open_clip, as its own export leaves them."""

from pathlib import Path

import torch
from open_clip.push_to_hf_hub import save_for_hf

from sartext.evaluation.embedding import embed_images, embed_texts
from sartext.models.checkpoint import load
from sartext.models.compatibility import open_clip
from sartext.submissions.kinds import recognise
from sartext.submissions.kinds.kind import Settings
from tests.models.making import CAPTIONS, pictures, saved


def test_what_push_to_hf_hub_writes_has_the_same_features(tmp_path: Path) -> None:
    """Two files of weights, the tokenizer's files, and a configuration without a size of pictures."""
    ours = saved(tmp_path)
    network, _, _ = open_clip.create_model_and_transforms(f"local-dir:{ours}")
    model = load(ours)
    save_for_hf(network, open_clip.get_tokenizer(f"local-dir:{ours}"), model.config["model_cfg"], tmp_path / "hub")
    kind, folder = recognise(tmp_path / "hub", "retrieval")
    assert kind.name == "open-clip" and kind.embed is not None
    assert {path.name for path in folder.iterdir()} >= {
        "open_clip_model.safetensors",
        "open_clip_pytorch_model.bin",
    }
    opened = kind.embed(folder, Settings())
    texts, cut = opened.texts(CAPTIONS[:5])
    torch.testing.assert_close(texts, embed_texts(model, CAPTIONS[:5])[0])
    torch.testing.assert_close(opened.images(pictures(3)), embed_images(model, pictures(3)))
    assert cut == 0
