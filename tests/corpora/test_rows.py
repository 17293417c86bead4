"""Texts in rows: captions go into the index, questions are counted, whatever the file's layout."""

import csv
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sartext.corpora.index import build_index
from sartext.errors import CatalogueError, CorpusError
from sartext.narrator.stage import caption_corpus
from tests.corpora.making import picture

SAR = {"kind": "captions", "modality": "sar", "polarisation": "VV", "quarantine_limit": 1.0}

CAPTIONED = [
    {"image": "SARimages/a.png", "caption": "Two ships lie at a pier ."},
    {"image": "SARimages/b.png", "caption": "A bridge crosses a river."},
    {"image": "SARimages/a.png", "caption": "A harbour."},
]


def of_rows(corpus, content, name="rows.json", images="ab", **annotations):
    corpus.declare(images=["SARimages/*"], annotations={"format": "rows", "files": [name], **annotations}, **SAR)
    for seed, image in enumerate(images):
        corpus.put(f"SARimages/{image}.png", picture(seed=seed))
    corpus.put(name, content)
    return corpus


def captions(corpus):
    return {name: row["captions"] for name, row in corpus.rows().items()}


def table(rows, delimiter=","):
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def parquet(rows):
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), stream)
    return stream.getvalue()


LAYOUTS = {
    "rows.json": json.dumps(CAPTIONED),
    "rows.jsonl": "\n".join(map(json.dumps, CAPTIONED)) + "\n",
    "lines.json": "\n".join(map(json.dumps, CAPTIONED)),
    "rows.json.gz": json.dumps({"info": {"version": 1}, "annotations": CAPTIONED}),
    "by_class.json": json.dumps({"port": CAPTIONED[::2], "river": CAPTIONED[1:2]}),
    "rows.csv": table(CAPTIONED),
    "rows.tsv": table(CAPTIONED, "\t"),
    "rows.parquet": parquet(CAPTIONED),
    "pictures.parquet": parquet([{**row, "image": {"bytes": b"png", "path": row["image"]}} for row in CAPTIONED]),
    "lists.parquet": parquet(
        [
            {"image": "a.png", "captions": ["Two ships lie at a pier .", "A harbour."]},
            {"image": "b.png", "captions": ["A bridge crosses a river."]},
        ]
    ),
    "by_image.json": json.dumps(
        {"a.png": ["Two ships lie at a pier .", "A harbour."], "b.png": "A bridge crosses a river."}
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_gives_the_same_captions(corpus, name):
    metrics = of_rows(corpus, LAYOUTS[name], name).index()
    expected = {"a": ["Two ships lie at a pier.", "A harbour."], "b": ["A bridge crosses a river."]}
    assert captions(corpus) == expected
    assert (metrics["captions"], metrics["questions"], metrics["left_out"]) == (3, 0, 0)
    assert not corpus.faults()


ASKED = {
    "question and answer": [
        {
            "image": "a.png",
            "question": "How many ships are there?",
            "answer": "Two",
            "text": "Answer with a number.",
        },
        {"image": "b.png", "question": "Is there a bridge?", "answer": "Yes"},
    ],
    "conversations": [
        {
            "id": "1",
            "image": "a.png",
            "conversations": [
                {"from": "human", "value": "<image>\nDescribe the image."},
                {"from": "gpt", "value": "Two ships."},
            ],
        },
        {"images": ["b.png"], "messages": [{"role": "user", "content": "Where?"}, {"role": "assistant"}]},
    ],
    "questions of an evaluation": [
        {"question_id": 1, "image": "a.png", "text": "How many ships?"},
        {"question_id": 2, "image": "b.png", "text": "A bridge?"},
    ],
}


@pytest.mark.parametrize("rows", ASKED.values(), ids=ASKED)
def test_questions_are_counted_and_never_become_captions(corpus, rows):
    metrics = of_rows(corpus, json.dumps(rows)).index()
    assert (metrics["indexed"], metrics["questions"], metrics["captions"]) == (2, 2, 0)
    assert captions(corpus) == {"a": [], "b": []}
    index = (corpus.project.corpus(corpus.name) / "index.parquet").read_bytes()
    assert b"ships" not in index


def test_captions_and_questions_of_one_image_in_the_layout_of_rsieval(corpus):
    asked = [{"ques_id": 1, "question": "How many?", "type": "count", "answer": "2"}, {"question": " "}]
    rows = [
        {"filename": "a.png", "caption": "Two ships.", "qa_pairs": asked},
        {"filename": "b.png", "caption": "x"},
    ]
    metrics = of_rows(corpus, json.dumps({"annotations": rows})).index()
    assert captions(corpus) == {"a": ["Two ships."], "b": ["x"]}
    assert metrics["questions"] == 1
    by_image = {"a.png": {"caption": "Two ships.", "qa_pairs": asked}, "b.png": {"caption": "x"}}
    assert of_rows(corpus, json.dumps(by_image)).index()["questions"] == 1
    assert captions(corpus) == {"a": ["Two ships."], "b": ["x"]}


def test_the_catalogue_names_fields_that_do_not_say_what_they_are(corpus):
    rows = [{"Bild": "a", "raw": "one", "raw_1": "two", "Teil": "train"}, {"Bild": "b", "raw": "three"}]
    fields = {"image": "bild", "caption": ["raw", "raw_1"], "split": "teil"}
    of_rows(corpus, json.dumps(rows), fields=fields).index()
    assert captions(corpus) == {"a": ["one", "two"], "b": ["three"]}
    assert corpus.rows()["a"]["published_split"] == "train"


def test_a_bad_row_costs_itself(corpus):
    rows = ['{"image": "a.png", "caption": "One."}', '{"image": "b.png", ', '["b.png"]', '{"caption": "Lost."}']
    rows += ['{"image": ["a.png", "b.png"], "caption": "Both."}', '{"image": "b.png", "caption": "Two."}']
    metrics = of_rows(corpus, "\n".join(rows), "rows.jsonl").index()
    assert captions(corpus) == {"a": ["One."], "b": ["Two."]}
    assert metrics["reasons"]["annotation"] == {"unreadable-row": 4}
    assert {fault.path for fault in corpus.faults()} == {"row 2", "row 3", "row 4", "row 5"}


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("rows.json", "{'image'", "not-json"),
        ("rows.json", "3", "not-rows"),
        ("rows.csv", "a,b\n1,2\n", "not-rows"),
        ("rows.parquet", b"PAR1 and no more", "not-parquet"),
    ],
)
def test_a_file_without_rows_is_a_reason(corpus, name, content, reason):
    with pytest.raises(CorpusError, match=r"none of 2 images is usable .*no-annotation"):
        of_rows(corpus, content, name).index()
    log = corpus.project.build / "log" / f"corpus-{corpus.name}-quarantine.csv"
    assert reason in log.read_text()


def test_several_files_speak_of_one_image(corpus):
    of_rows(corpus, json.dumps(CAPTIONED), "text/captions.json")
    corpus.put("text/questions.json", json.dumps([{"image": "a.png", "question": "How many?", "answer": "2"}]))
    corpus.declare(**{**corpus.entry, "annotations": {"format": "rows", "files": ["text/*.json"]}})
    metrics = corpus.index()
    assert captions(corpus)["a"] == ["Two ships lie at a pier.", "A harbour."]
    assert (metrics["captions"], metrics["questions"]) == (3, 1)


def test_no_method_takes_over_captions_that_others_wrote_of_sar_images(corpus):
    of_rows(corpus, json.dumps(CAPTIONED))
    build_index(corpus.project, corpus.name)
    with pytest.raises(CatalogueError, match="captions that others wrote, which no method takes over"):
        caption_corpus(corpus.project, corpus.name)
