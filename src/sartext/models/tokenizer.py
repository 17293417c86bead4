"""Captions to tokens and back: a small tokenizer of the corpora's own words, or CLIP's.

The ids are those that ``open_clip.get_tokenizer("local-dir:...")`` gives for a saved checkpoint. The trained one
is a byte-level BPE: it keeps case, and what it encodes it decodes to the same text.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import tokenizers
import torch

from sartext.errors import ModelError
from sartext.files import atomic_path, sha256_text
from sartext.models.vocabulary import train_vocabulary

PAD, START, END = "<pad>", "<start_of_text>", "<end_of_text>"
FILES = ("tokenizer.json", "tokenizer_config.json")
"""What a trained tokenizer consists of on disk, in the format of ``transformers``."""

MARK = "tokenizer"
"""``hf_tokenizer_name`` where the tokenizer was trained; open_clip then reads the checkpoint's own folder."""


class Tokenizer:
    """Captions to rows of ids: start, text, end, padding.

    Args:
        special: ids of start, end and padding.
        size: of the vocabulary, special tokens included.
        context: tokens of the longest caption, start and end included.
        raw: the trained tokenizer, and its ``files`` by name; CLIP's where it is not given.
    """

    def __init__(
        self,
        special: tuple[int, int, int],
        size: int,
        context: int,
        raw: tokenizers.Tokenizer | None = None,
        files: Mapping[str, str] | None = None,
    ) -> None:
        self.sot, self.eos, self.pad = special
        self.size = size
        self.context = context
        self._raw = raw
        self._files = files or {}

    def encode(
        self, texts: Sequence[str], context: int | None = None, *, cut: bool = False, full: bool = False
    ) -> torch.Tensor:
        """Return captions as rows of ids: int64, n x tokens of the longest.

        Args:
            texts: the captions.
            context: tokens that a row may hold; the tokenizer's own where it is not given.
            cut: cut a longer caption as open_clip does, keeping the end token, instead of refusing it.
            full: pad to ``context`` instead of to the longest caption.

        Raises:
            ModelError: a caption is longer than the context; it is named.
        """
        context = context or self.context
        rows = [[self.sot, *ids, self.eos] for ids in self._ids(texts)]
        for row, text in zip(rows, texts, strict=True):
            if len(row) > context:
                if not cut:
                    raise _too_long(text, len(row), context)
                row[context - 1 :] = [self.eos]
        width = context if full else max(map(len, rows), default=0)
        out = torch.full((len(rows), width), self.pad, dtype=torch.long)
        for at, row in enumerate(rows):
            out[at, : len(row)] = torch.tensor(row)
        return out

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Return the tokens of each caption, start and end included."""
        return [len(ids) + 2 for ids in self._ids(texts)]

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of the texts alone."""
        cleaned = [clean(text) for text in texts]
        if self._raw is None:
            simple = _simple()
            return [list(simple.encode(text)) for text in cleaned]
        return [encoding.ids for encoding in self._raw.encode_batch(cleaned, add_special_tokens=False)]

    def too_long(self, texts: Sequence[str], context: int | None = None) -> list[int]:
        """Return the places of the captions that the context does not hold."""
        longest = context or self.context
        return [at for at, length in enumerate(self.lengths(texts)) if length > longest]

    def decode(self, ids: Iterable[int] | torch.Tensor) -> str:
        """Return the text of a row of ids, up to its end token; start and padding are no text."""
        kept: list[int] = []
        for token in ids.tolist() if isinstance(ids, torch.Tensor) else ids:
            if token == self.eos:
                break
            # CLIP's padding is also its token for "!"
            if token not in (self.sot, self.pad):
                kept.append(int(token))
        if self._raw is None:
            return tidy(str(_simple().decode(kept)))
        return str(self._raw.decode(kept, skip_special_tokens=True))

    def save(self, folder: Path) -> None:
        """Write the files that belong into a checkpoint's folder: none for CLIP's, which open_clip carries."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            if self._raw is None:
                (folder / name).unlink(missing_ok=True)
            else:
                with atomic_path(folder / name) as temporary:
                    temporary.write_text(self._files[name], encoding="utf-8", newline="\n")

    def files_sha256(self) -> dict[str, str]:
        """Return the SHA-256 of each file that `save` writes; of CLIP's tokenizer there are none."""
        return {name: sha256_text(content) for name, content in sorted(self._files.items())}

    def text_cfg(self) -> dict[str, Any]:
        """Return what ``text_cfg`` of an open_clip configuration says of this tokenizer."""
        text_cfg: dict[str, Any] = {"context_length": self.context, "vocab_size": self.size}
        if self._raw is not None:
            # the end token is not the highest id, which is where open_clip would look for the text's feature
            text_cfg |= {"hf_tokenizer_name": MARK, "pad_id": self.pad, "eos_id": self.eos, "pool_type": "eos"}
        return text_cfg


def clean(text: str) -> str:
    """Return a text as open_clip's tokenizers clean it: mended Unicode, no HTML escapes, single spaces."""
    if text.isascii() and "&" not in text and text.isprintable():
        return " ".join(text.split())
    from sartext.models.compatibility import open_clip

    return str(open_clip.tokenizer.whitespace_clean(open_clip.tokenizer.basic_clean(text)))


def clip_tokenizer(context: int = 77) -> Tokenizer:
    """Return CLIP's tokenizer of 49,408 tokens; it writes everything in lower case."""
    simple = _simple()
    special = (simple.sot_token_id, simple.eot_token_id, 0)
    return Tokenizer(special, simple.vocab_size, context)


def read_tokenizer(
    folder: Path, context: int | None = None, *, way_out: str = "run `sartext tokenizer`"
) -> Tokenizer:
    """Read a trained tokenizer from its folder or from a checkpoint's, whose context it has where none is given.

    Raises:
        ModelError: a file or a special token is missing or damaged, or start and end do not stand around a text.
    """
    path, settings_path = folder / FILES[0], folder / FILES[1]
    for file in (path, settings_path):
        if not file.is_file():
            raise ModelError("the tokenizer's file is missing", where=file, way_out=way_out)
    try:
        settings = json.loads(settings_path.read_text(encoding="utf-8"))
        text = path.read_text(encoding="utf-8")
        raw = tokenizers.Tokenizer.from_str(text)
        names = [_name(settings.get(key) or settings.get(of_bert), other) for key, of_bert, other in _SPECIAL]
    except Exception as error:  # the library raises bare Exceptions
        raise ModelError(f"not a tokenizer that can be read ({error})", where=folder, way_out=way_out) from error
    start, end, pad = (raw.token_to_id(name) for name in names)
    if start is None or end is None or pad is None:
        raise ModelError(
            f"the tokenizer has no token for start, end and padding ({', '.join(names)})",
            where=folder,
            way_out=f"{way_out}; a tokenizer without them is not supported",
        )
    if (ids := raw.encode("a").ids)[:1] != [start] or ids[-1:] != [end]:
        raise ModelError(
            f"the tokenizer does not put '{names[0]}' and '{names[1]}' around a text",
            where=folder,
            way_out="such a tokenizer is not supported: take another model",
        )
    raw.no_truncation()
    raw.no_padding()
    longest = context or int(settings.get("model_max_length") or 77)
    return Tokenizer((start, end, pad), raw.get_vocab_size(), longest, raw, _files(text, settings))


def train_tokenizer(texts: Iterable[str], vocabulary: int, context: int) -> Tokenizer:
    """Train a byte-level BPE on captions; the same captions in the same order give the same tokenizer.

    Padding is token 0, which is CoCa's ``pad_id``. The vocabulary has so many tokens at most, the three special
    ones and the 256 bytes included.

    Raises:
        ModelError: there is no text.
    """
    captions = [text for text in map(clean, texts) if text]
    if not captions:
        raise ModelError("no captions to train a tokenizer on", way_out="list corpora with captions")
    raw = train_vocabulary(captions, (PAD, START, END), vocabulary)
    pad, start, end = range(3)
    raw.post_processor = tokenizers.processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, start), (END, end)]
    )
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": START,
        "eos_token": END,
        "pad_token": PAD,
        "model_max_length": context,
        "clean_up_tokenization_spaces": False,
    }
    files = _files(raw.to_str(pretty=True), settings)
    return Tokenizer((start, end, pad), raw.get_vocab_size(), context, raw, files)


def _files(text: str, settings: Mapping[str, Any]) -> dict[str, str]:
    return {FILES[0]: text, FILES[1]: json.dumps(settings, indent=2, sort_keys=True) + "\n"}


_SPECIAL = (("bos_token", "cls_token", START), ("eos_token", "sep_token", END), ("pad_token", "pad_token", PAD))
"""The setting that names a token, what BERT's tokenizers call it, and its name where neither is set."""


@lru_cache(maxsize=1)
def _simple() -> Any:  # noqa: ANN401 - open_clip is untyped
    # takes seconds to import, which only CLIP's vocabulary is worth
    from sartext.models.compatibility import open_clip

    return open_clip.SimpleTokenizer()


_SINGLE = re.compile(r"(?<=\d) (?=\d)|\s+(?=[.,;:!?%)]|'(?:s|t|re|ve|m|ll|d)\b)")
_HYPHEN = re.compile(r"(?<=\w) - (?=\w)")
_TYPE = re.compile(r"\b([a-z]) (?=\d)")
_SENTENCE = re.compile(r"(?:^|(?<=[.!?] ))[a-z]")


def tidy(text: str) -> str:
    """Return what CLIP's tokenizer decoded as English is written.

    It splits numbers into digits, sets every mark apart and knows no capitals: digits, hyphened words and types
    ("A220") are joined, marks move to their word, sentences begin with a capital, and SAR is an acronym.
    """
    joined = _HYPHEN.sub("-", _SINGLE.sub("", " ".join(text.split())))
    typed = _TYPE.sub(lambda match: match[1].upper(), joined)
    return _SENTENCE.sub(lambda match: match[0].upper(), re.sub(r"\bsar\b", "SAR", typed))


def _name(value: Any, otherwise: str) -> str:  # noqa: ANN401 - JSON
    return str((value.get("content") if isinstance(value, dict) else value) or otherwise)


def _too_long(text: str, length: int, context: int) -> ModelError:
    shown = text if len(text) <= 60 else f"{text[:57]}..."
    return ModelError(
        f"a caption of {length} tokens ('{shown}'), the context holds {context}",
        way_out="raise `tokenizer.context` in params.yaml, or leave the caption out",
    )
