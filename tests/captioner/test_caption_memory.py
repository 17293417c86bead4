"""When memory does not hold the batch: fewer pictures at a time, the same captions; then one line."""

import pytest
import torch
from click.testing import CliRunner

from sartext.captioner import captioner
from sartext.captioner.captioner import AdaptiveBatch, Captioner
from sartext.captioner.narrator import Narrator
from sartext.captioner.user_files import files
from sartext.cli import cli
from sartext.errors import DecodingError
from sartext.models.checkpoint import load
from sartext.models.construction import build, read_foundation
from sartext.models.grounder.checkpoint import start_grounder
from sartext.narrator.vocabulary import vocabulary_of

from .tiny_models import FOUNDATIONS, SENTENCES, SIDE, caption, marked

SHORTAGES = [torch.OutOfMemoryError("CUDA out of memory"), MemoryError(), RuntimeError("can't allocate memory")]


def grounder():
    return start_grounder(FOUNDATIONS / "grounder-tiny.yaml", vocabulary_of([]), side=SIDE, seed=1)


@pytest.fixture
def memory(monkeypatch):
    """Memory for so many pictures in one go of a network; the sizes of the goes."""
    tried = []

    def narrow(held, error=SHORTAGES[0]):
        for name in ("generate", "forward"):
            real = getattr(captioner, name)

            def limited(*arguments, real=real, **more):
                tried.append(len(arguments[1]))
                if tried[-1] > held:
                    raise error
                return real(*arguments, **more)

            monkeypatch.setattr(captioner, name, limited)
        return tried

    return narrow


@pytest.mark.parametrize("error", SHORTAGES, ids=lambda error: type(error).__name__)
def test_fewer_images_at_a_time_give_the_same_captions(captioned, memory, error):
    _, whole = captioned("whole.csv", batch=6)
    tried = memory(2, error)
    done, parts = captioned("parts.csv", batch=6)
    assert tried == [6, 3, 1, 1, 1, 1, 1, 1]
    assert (done.captioned, done.batch) == (6, 1)
    assert [(row["image"], row["caption"]) for row in whole] == [(row["image"], row["caption"]) for row in parts]


def test_not_even_one_image_is_a_line_with_a_way_out(captioned, tmp_path, memory):
    memory(0)
    with pytest.raises(DecodingError, match=r"out of memory with one picture at a time.*--batch.*; end what else"):
        captioned()
    assert not (tmp_path / "out.csv").exists()


def test_another_error_is_no_shortage():
    def work(some):
        raise ValueError("no number")

    with pytest.raises(ValueError, match="no number"):
        AdaptiveBatch(8, "--batch").map([1, 2], work)


def test_a_model_that_does_not_fit_is_a_line(folder, coca, monkeypatch):
    def load_too_much(*arguments, **more):
        raise SHORTAGES[0]

    monkeypatch.setattr(files, "load", load_too_much)
    with pytest.raises(DecodingError, match=r"the model does not fit on cpu.*--device"):
        caption([folder], coca)


def test_the_narrator_too_goes_on_with_fewer_pictures(coca, memory):
    clip = build(read_foundation(FOUNDATIONS / "clip-tiny.yaml"), coca, seed=3, side=SIDE)
    pictures = [marked(*key, seed=50) for key in SENTENCES]
    narrator = Captioner(load(coca), clip, 48, batch=6)
    whole = [written for written, _ in Narrator(narrator, grounder()).look(pictures)]
    tried = memory(3)
    parts = [written for written, _ in Narrator(narrator, grounder()).look(pictures)]
    assert tried == [6, 3, 3, 3, 3], "what did not fit is not tried again, the others look at as few"
    texts, similarities = zip(*((written.text, written.similarity) for written in parts), strict=True)
    assert list(texts) == [written.text for written in whole] == list(SENTENCES.values())
    assert similarities == pytest.approx([written.similarity for written in whole], abs=1e-5)
    memory(0)
    with pytest.raises(DecodingError, match=r"narration\.batch"):
        list(narrator.write(pictures))


def test_the_command_tells_which_batch_fits(folder, coca, tmp_path, memory):
    memory(3)
    options = ["--batch", "6", "--out", str(tmp_path / "out.csv")]
    done = CliRunner().invoke(cli, ["caption", "--raw", str(folder), "--model", str(coca), *options])
    assert done.stderr.splitlines()[-1] == "memory held 3 at a time: --batch 3 saves the attempts"


def test_an_image_that_memory_does_not_hold_is_skipped_alone(captioned, monkeypatch):
    real = files.Display.picture

    def narrow(display, path):
        if path.name == "left-1.png":
            raise MemoryError
        return real(display, path)

    monkeypatch.setattr(files.Display, "picture", narrow)
    done, _ = captioned()
    assert done.captioned == 5
    assert [(name.rpartition("/")[2], why) for name, why in done.unreadable] == [
        ("left-1.png", "too large for this machine's memory; cut it into tiles")
    ]


def test_a_judge_that_had_to_take_fewer_does_not_try_more_again(coca, tmp_path, monkeypatch):
    """The batch that fits is found once for a corpus, not once for each of its batches."""
    tried = []

    def cosines(_captioner, pairs):
        tried.append(len(pairs))
        if len(pairs) > 2:
            raise MemoryError
        return [0.5] * len(pairs)

    monkeypatch.setattr(Captioner, "_cosines", cosines)
    model = load(coca, device=torch.device("cpu"))
    pictures = [marked(1, "left")] * 8
    captioner = Captioner(model, model, model.context, batch=4)
    assert len(list(Narrator(captioner, grounder()).look(pictures))) == 8
    assert tried == [4, 2, 2, 2, 2]
