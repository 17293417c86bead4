import json

import pytest

from sartext.captioner.user_files.rows import Row, header, line
from sartext.errors import EvaluationError
from sartext.evaluation.prediction_files import check_captions, read_captions
from tests.evaluation.generated import SHIP, benchmark_of, example, object_facts

FACTS = object_facts((SHIP, 1, 0))
BENCHMARK = benchmark_of(
    [example(name, FACTS) for name in ("a/one", "a/two", "b/one", "b/three")], left_out={"b/withheld": "licence"}
)
SAID = {"a/one": "One ship.", "a/two": 'Two, "big" ships.', "b/one": "A bridge.", "b/three": "Water; é."}


def written(tmp_path, text, name="captions.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def quoted(rows):
    def value(text):
        return '"' + text.replace('"', '""') + '"'

    return "image_id,caption\n" + "".join(f"{name},{value(text)}\n" for name, text in rows)


def test_captions_are_read_from_csv_and_json_lines(tmp_path):
    rows = "\n".join(json.dumps({"caption": text, "image_id": name}) for name, text in SAID.items())
    table = written(tmp_path, "\ufeff" + quoted(SAID.items()))
    for path in (table, written(tmp_path, f"{rows}\n\n", "captions.jsonl")):
        found = read_captions(path, BENCHMARK)
        assert found.captions == SAID
        assert list(found.captions) == [example.image_id for example in BENCHMARK.examples]
        assert found.warnings == ()


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_what_the_captioner_writes_is_read_by_the_end_of_the_path(tmp_path, suffix):
    paths = {"a/one": "images/a/one.png", "a/two": "../two.tif", "b/one": "/x/b/one.png", "b/three": "three.jpg"}
    rows = [Row(paths[name], "" if name == "b/one" else SAID[name], -1.0, name != "b/one", "f0") for name in SAID]
    path = written(tmp_path, header(suffix) + "".join(line(row, suffix) for row in rows), f"captions{suffix}")
    found = read_captions(path, BENCHMARK)
    assert found.captions == {**SAID, "b/one": ""}
    assert found.warnings == ("1 captions are empty and count as such, the first is of b/one",)


@pytest.mark.parametrize("column", ["image", "image_id"])
@pytest.mark.parametrize("named", ["", " ", ".", "/", "..", "one.png"])
def test_a_row_that_names_no_image_or_several_is_unknown_or_told_by_its_place(tmp_path, column, named):
    path = written(tmp_path, f"{column},caption\n{named},x\n")
    with pytest.raises(EvaluationError, match="1 image not in release-test: ") as error:
        read_captions(path, BENCHMARK)
    assert (named.strip() or "no name (line 2)") in str(error.value)


def test_of_some_images_only_captions_are_read_where_that_is_meant(tmp_path):
    path = written(tmp_path, quoted([("b/one", "A bridge."), ("a/one", "One ship."), ("a/two", "One ship.")]))
    with pytest.raises(EvaluationError, match=r"1 image without a caption: b/three; .* --partial"):
        read_captions(path, BENCHMARK)
    found = read_captions(path, BENCHMARK, partial=True)
    assert list(found.captions) == ["a/one", "a/two", "b/one"]
    assert found.warnings == (
        "3 of 4 images have a caption; the others are not scored",
        "all 2 captions of a are equal: 'One ship.'",
    )
    with pytest.raises(EvaluationError, match="1 image not in release-test: c/nine"):
        read_captions(written(tmp_path, quoted([("c/nine", "x")])), BENCHMARK, partial=True)


@pytest.mark.parametrize(
    ("change", "warnings"),
    [
        ({"b/withheld": "x"}, []),
        ({"a/one": "Same.", "a/two": "Same."}, ["all 2 captions of a are equal: 'Same.'"]),
        ({"a/two": "", "b/one": "  "}, ["2 captions are empty and count as such, the first is of a/two"]),
    ],
    ids=["withheld", "one-for-a-corpus", "empty"],
)
def test_captions_are_taken_and_what_is_odd_of_them_is_told(tmp_path, change, warnings):
    captions = read_captions(written(tmp_path, quoted({**SAID, **change}.items())), BENCHMARK)
    assert list(captions.warnings) == warnings
    expected = {name: text.strip() for name, text in {**SAID, **change}.items() if name != "b/withheld"}
    assert captions.captions == expected


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([*SAID.items(), ("c/nine", "x")], "1 image not in release-test: c/nine"),
        (
            [*SAID.items(), *((f"c/{number}", "x") for number in range(5))],
            r"5 images not in release-test: c/0, c/1, c/2, \.\.\.;",
        ),
        ([*SAID.items()][1:], "1 image without a caption: a/one; caption all 4 images of release-test"),
        ([*SAID.items()][1::2], "2 images without a caption: a/one, b/one"),
        ([*SAID.items(), ("a/one", "Again.")], "1 image captioned twice: a/one; keep one row per image"),
        *(
            ([*SAID.items(), (name, "x")], f"not in release-test: {name}; ids are such as '{nearest}'")
            for name, nearest in (
                ("a/one.png", "a/one"), ("three", "b/three"), ("b-three", "b/three"), ("a/tvo", "a/two")
            )
        ),
    ],
)  # fmt: skip
def test_captions_of_other_images_are_refused(tmp_path, rows, what):
    with pytest.raises(EvaluationError, match=what) as error:
        read_captions(written(tmp_path, quoted(rows)), BENCHMARK)
    assert "captions.csv" in str(error.value)


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("x.csv", "", "it is empty"),
        ("x.jsonl", "\n", "it is empty"),
        ("x.csv", "image_id;caption\na;b\n", "its columns are 'image_id;caption'; separate the columns by commas"),
        ("x.csv", "image_id\tcaption\n", r"its columns are 'image_id\\tcaption'; separate the columns by commas"),
        ("x.csv", "image_id,caption\n", "it holds no caption"),
        ("x.csv", "id,text\na,b\n", "its columns are 'id', 'text'; it needs columns image_id and caption"),
        ("x.csv", "image_id,caption,caption\na,b,c\n", "its columns are"),
        ("x.csv", "image_id,caption\na/one,Two, ships.\n", "line 2 has 3 values for 2 columns"),
        ("x.csv", 'image_id,caption\na/one,"open\n', "is no CSV"),
        ("x.jsonl", '{"image_id": "a/one"}\n', "line 1 has no image_id with its caption"),
        ("x.jsonl", '{"image_id": 3, "caption": "x"}\n', "line 1 has no image_id with its caption"),
        (
            "x.jsonl",
            '{"image_id": "a/one", "caption": null}\n',
            "the caption of line 1 is no text: null; write it in",
        ),
        ("x.jsonl", '{"image_id": "a/one", "caption": 3}\n', "the caption of line 1 is no text: 3; write it in"),
        ("x.jsonl", '{"image_id": "a/one", "caption": "\\ud83d"}\n', "half a surrogate pair"),
        ("x.jsonl", '["a/one", "x"]\n', "line 1 is no object"),
        ("x.jsonl", "a/one: x\n", "line 1 is no JSON"),
        ("x.txt", "a/one x\n", "no format '.txt'; name it .csv or .jsonl"),
    ],
)
def test_files_that_are_something_else_are_refused(tmp_path, name, text, what):
    with pytest.raises(EvaluationError, match=what):
        read_captions(written(tmp_path, text, name), BENCHMARK)


def test_files_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(EvaluationError, match="it cannot be read"):
        read_captions(tmp_path / "none.csv", BENCHMARK)
    path = tmp_path / "other.csv"
    for encoding in ("latin-1", "utf-16", "utf-16-le"):
        path.write_bytes("image_id,caption\na/one,é\n".encode(encoding))
        with pytest.raises(EvaluationError, match=r"it is no UTF-8 text; save it as UTF-8$"):
            read_captions(path, BENCHMARK)


def test_spaces_around_names_and_capital_endings_are_taken(tmp_path):
    rows = "image_id , caption\n" + "".join(f'{name} , "{SAID[name]}"\n' for name in SAID if name != "a/two")
    found = read_captions(written(tmp_path, rows, "CAPTIONS.CSV"), BENCHMARK, partial=True)
    assert found.captions == {name: text for name, text in SAID.items() if name != "a/two"}
    lines = "\n".join(json.dumps({"image_id": f"{name} ", "caption": text}) for name, text in SAID.items())
    assert read_captions(written(tmp_path, lines, "c.JSONL"), BENCHMARK).captions == SAID


def test_a_partial_variant_may_leave_images_out_but_captions_no_other():
    for captions in ({"a/one": "x"}, {}):
        check_captions(captions, BENCHMARK, where="grammar", partial=True)
    with pytest.raises(EvaluationError, match="grammar: 1 image not in release-test: c/nine"):
        check_captions({"c/nine": "x"}, BENCHMARK, where="grammar", partial=True)
