"""The tokenizer: exact round trips, the ids of open_clip, captions that the context does not hold."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from sartext.errors import ModelError
from sartext.models.tokenizer import clip_tokenizer, read_tokenizer, tidy, train_tokenizer
from tests.models.making import CAPTIONS, small_tokenizer

STRANGE = ["", "a", "Zürich, 東京 & <b>", "  two   spaces ", "it's 12.5 m", "&amp; x", "naïve “quotes”", "\u2603!"]


def test_what_is_encoded_decodes_to_the_same_caption(tmp_path):
    tokenizer = small_tokenizer(tmp_path, context=77)
    texts = [*CAPTIONS, "Zürich 東京 x9☃ unseenwordx."]  # words that it never saw, too
    for text, row in zip(texts, tokenizer.encode(texts), strict=True):
        assert tokenizer.decode(row) == text


def test_a_row_is_start_text_end_padding(tmp_path):
    tokenizer = small_tokenizer(tmp_path)
    texts = ["ships", "There are two ships in the center of this SAR image."]
    rows, lengths = tokenizer.encode(texts), tokenizer.lengths(texts)
    assert rows.dtype == torch.long
    assert rows[:, 0].tolist() == [tokenizer.sot] * 2
    assert rows.shape == (2, max(lengths))
    for row, length in zip(rows.tolist(), lengths, strict=True):
        assert row[length - 1] == tokenizer.eos
        assert row[length:] == [tokenizer.pad] * (len(row) - length)
    assert tokenizer.encode(["ships"], full=True).shape == (1, tokenizer.context)
    assert tokenizer.pad == 0, "CoCa's pad_id"


def test_phrases_become_tokens_and_keep_to_whole_words(tmp_path):
    tokenizer = small_tokenizer(tmp_path)
    model = json.loads((tmp_path / "tokenizer.json").read_text())["model"]
    phrases = [token for token in model["vocab"] if "\u0120" in token[1:]]
    assert phrases, "no token of several words"
    assert not any(mark in token for token in phrases for mark in ".,;")
    caption = "There are two ships in the center of this SAR image."
    assert tokenizer.lengths([caption])[0] - 2 < len(caption.split()), "fewer tokens than words"


def test_the_same_captions_give_the_same_files_in_every_process(tmp_path):
    small_tokenizer(tmp_path / "here")
    (tmp_path / "captions.json").write_text(json.dumps(CAPTIONS))
    code = (
        "import json, pathlib, sys; from sartext.models.tokenizer import train_tokenizer;"
        "folder = pathlib.Path(sys.argv[1]); captions = json.loads((folder / 'captions.json').read_text());"
        "train_tokenizer(captions, 420, 32).save(folder / 'there')"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=300)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()


def test_a_tokenizer_read_back_is_the_same(tmp_path):
    tokenizer = small_tokenizer(tmp_path)
    again = read_tokenizer(tmp_path)
    assert torch.equal(tokenizer.encode(CAPTIONS), again.encode(CAPTIONS))
    for name in ("sot", "eos", "pad", "size", "context"):
        assert getattr(again, name) == getattr(tokenizer, name)


def test_a_caption_longer_than_the_context_is_refused_and_named():
    tokenizer = train_tokenizer(["one ship"], 300, 8)
    long = "A harbour with a great many ships of all kinds."
    with pytest.raises(ModelError, match=r"a caption of \d+ tokens \('A harbour .*the context holds 8") as raised:
        tokenizer.encode(["one", long])
    assert "tokenizer.context" in raised.value.way_out
    assert tokenizer.too_long(["one", long]) == [1]
    cut = tokenizer.encode(["one", long], cut=True)
    assert cut.shape == (2, 8)
    assert cut[1, -1] == tokenizer.eos


def test_clip_knows_its_own_vocabulary_and_writes_readable_text():
    tokenizer = clip_tokenizer()
    assert (tokenizer.size, tokenizer.sot, tokenizer.eos, tokenizer.pad) == (49408, 49406, 49407, 0)
    caption = "There are two A220 aircraft in the upper-left part of this SAR image; it's a Boeing787."
    text = tokenizer.decode(tokenizer.encode([caption])[0])
    assert text.startswith("There are two A220 aircraft in the upper-left part of this SAR image; it's")


def test_tidy_is_english():
    assert tidy("three ships , 1 2 bridges . sar sees sarcasm .") == "Three ships, 12 bridges. SAR sees sarcasm."


@pytest.mark.parametrize("damage", ["missing", "cut", "special"])
def test_a_damaged_tokenizer_is_one_line(tmp_path: Path, damage: str):
    small_tokenizer(tmp_path)
    path = tmp_path / "tokenizer.json"
    if damage == "missing":
        path.unlink()
    elif damage == "cut":
        path.write_text(path.read_text()[:500])
    else:
        settings = tmp_path / "tokenizer_config.json"
        settings.write_text(settings.read_text().replace("<end_of_text>", "<stop>"))
    with pytest.raises(ModelError) as raised:
        read_tokenizer(tmp_path)
    assert str(tmp_path) in str(raised.value)
    assert "sartext tokenizer" in raised.value.way_out


def test_no_captions_are_no_tokenizer():
    with pytest.raises(ModelError, match="no captions"):
        train_tokenizer(["", "  "], 300, 8)
