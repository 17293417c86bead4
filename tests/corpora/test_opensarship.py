"""OpenSARShip: zips of scenes with chips, types in names, and AIS messages of which no identifier may leave."""

import io
import zipfile

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner

from sartext.archives import unpack
from sartext.catalogue.loading import PACKAGED
from sartext.cli import cli
from sartext.config import Project
from sartext.corpora.index import build_index
from sartext.corpora.quarantine import read_quarantine
from sartext.narrator.stage import caption_corpus
from sartext.tables import CAPTIONS, INDEX, read_rows
from tests.corpora.making import encoded, tiff

SCENE = "S1A_IW_SLC__1SDV_20160606T221231_20160606T221258_011596_011B8A_3FF3"
IDENTIFIERS = {"MMSI": "999000111", "IMO": "9990002", "Name": "ZZPLANTED STAR", "Callsign": "ZZPLNT7"}


def ship(x, y, side, **values):
    """A ship of Ship.xml, its corners the wrong way round as in the real files."""
    ais = {**IDENTIFIERS, "Cog": "208.00", "True_Head": "511.00", "Sog": "1", "Length": "190", **values}
    half = side // 2
    sar = {"UpperLeft_x": x + half, "UpperLeft_y": y + half, "LowerRight_x": x - half, "LowerRight_y": y - half}
    sar |= {"Center_x": x, "Center_y": y, "Manual_Length": ais.pop("Manual_Length", "184")}
    parts = {
        "SARShipInformation": sar,
        "AISShipInformation": ais,
        "MarineTrafficInformation": {"Flag": "Nowhere [ZZ]"},
    }
    inner = "".join(
        f"<{part}>{''.join(f'<{tag}>{value}</{tag}>' for tag, value in fields.items())}</{part}>"
        for part, fields in parts.items()
    )
    return f"<ship>{inner}</ship>"


def ship_list(*ships):
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<ShipList>{"".join(ships)}</ShipList>'


def scene_zip(chips, listed):
    """The zip of a scene: a chip is a name and its side in pixels."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for seed, (name, side) in enumerate(chips.items()):
            power = np.random.default_rng(seed).exponential(0.05, (4, side, side)).astype(np.float32)
            packed.writestr(f"Patch/{name}.tif", tiff(power))
            packed.writestr(f"Patch_Cal/{name}.tif", tiff(power[:2]))
            for band in ("vh", "vv"):
                grey = (255 * np.clip(power[0], 0, 1)).astype(np.uint8)
                packed.writestr(f"Patch_RGB/{name}_{band}.png", encoded(np.dstack([grey] * 3)))
                packed.writestr(f"Patch_Uint8/Visual_{name}_{band}.tif", tiff(grey))
        packed.writestr(f"{SCENE}.xml", "<product/>")
        if listed:
            packed.writestr("Ship.xml", listed)
    return stream.getvalue()


@pytest.fixture
def project(tmp_path):
    """A project of the packaged corpus, which may lose all but one of its images."""
    text = (PACKAGED / "opensarship.yaml").read_text()
    assert "quarantine_limit: 0.1" in text
    path = tmp_path / "catalogue/opensarship.yaml"
    path.parent.mkdir()
    path.write_text(text.replace("quarantine_limit: 0.1", "quarantine_limit: 1"))
    listed = {"opensarship": {"catalogue": "catalogue/opensarship.yaml"}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"corpora": listed, "captions": ["opensarship"]}))
    return Project(tmp_path)


def unpacked(project, chips, listed):
    """The project with the corpus as `corpora add` lays a folder of zips out: each in a folder of its name."""
    download = project.root / "download"
    download.mkdir()
    (download / f"{SCENE}.zip").write_bytes(scene_zip(chips, listed))
    project.source("opensarship").mkdir(parents=True)
    unpack(download, project.source("opensarship"))
    return project


CHIPS = {"Cargo_x100_y200": 53, "Tanker_x300_y400": 25, "Fishing_x500_y600": 33}


def sound_list(**values):
    return ship_list(ship(100, 200, 53, **values), ship(300, 400, 25), ship(500, 600, 33))


def index(project):
    metrics = build_index(project, "opensarship")
    folder = project.corpus("opensarship")
    rows = {row["image_id"].split("/")[1]: row for row in read_rows(folder / "index.parquet", INDEX)}
    return metrics, rows, read_quarantine(folder / "quarantine.csv")


def test_the_type_of_the_ship_is_in_the_name_and_chips_have_odd_sizes(project):
    metrics, rows, faults = index(unpacked(project, CHIPS, sound_list()))
    assert metrics["scene_classes"] == {"cargo": 1, "fishing": 1, "tanker": 1}
    assert {row["width"] for row in rows.values()} == {53, 25, 33}
    assert {row["scene_id"] for row in rows.values()} == {f"opensarship/{SCENE}"}
    assert (rows["Cargo_x100_y200"]["db_low"], rows["Cargo_x100_y200"]["db_high"]) == (-25, 0)
    assert not faults
    caption_corpus(project, "opensarship")
    captions = read_rows(project.captions("opensarship") / "captions.parquet", CAPTIONS)
    assert "a cargo ship" in captions[0]["caption"].casefold()


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"Cog": "1620.00"}, "impossible-course"),
        ({"True_Head": "412"}, "impossible-heading"),
        ({"Sog": "-3"}, "impossible-speed"),
        ({"Manual_Length": "245", "Length": "190"}, "doubtful-ship"),
    ],
)
def test_impossible_values_of_ais_are_counted_and_the_chip_stays(project, values, reason):
    metrics, rows, faults = index(unpacked(project, CHIPS, sound_list(**values)))
    assert len(rows) == 3
    assert metrics["reasons"]["annotation"] == {reason: 1}
    assert [fault.image_id for fault in faults] == ["opensarship/Cargo_x100_y200"]


@pytest.mark.parametrize("values", [{"Cog": "360.0"}, {"True_Head": "511"}, {"Cog": "unknown"}, {"Length": "0"}])
def test_values_that_ais_does_not_know_are_no_fault(project, values):
    _, _, faults = index(unpacked(project, CHIPS, sound_list(**values)))
    assert not faults


def test_a_chip_that_is_not_as_its_corners_say_is_left_out(project):
    listed = ship_list(ship(100, 200, 51), ship(300, 400, 25), ship(500, 600, 33))
    _, rows, faults = index(unpacked(project, {**CHIPS, "Cargo_x7_y8": 21, "nameless": 30}, listed))
    assert set(rows) == {"Tanker_x300_y400", "Fishing_x500_y600", "Cargo_x7_y8"}, "a ship may be in no list"
    assert {fault.image_id.split("/")[1]: fault.reason for fault in faults} == {
        "Cargo_x100_y200": "size-mismatch",
        "nameless": "no-annotation",
    }


def test_a_type_that_the_catalogue_does_not_know_names_itself(project):
    _, rows, faults = index(unpacked(project, {**CHIPS, "WingInGround_x1_y2": 20}, sound_list()))
    assert len(rows) == 3
    assert [(fault.reason, fault.detail) for fault in faults] == [("unknown-class", "'WingInGround'")]


WITH_IDENTIFIERS = {
    "sound": sound_list(),
    "impossible": sound_list(Cog=IDENTIFIERS["MMSI"], Sog=IDENTIFIERS["IMO"], Length=IDENTIFIERS["Callsign"]),
    "cut off": sound_list()[:700],
    "an entity of its name": sound_list().replace("ZZPLANTED STAR", f"&{IDENTIFIERS['Callsign']};"),
    "a bomb": sound_list().replace(
        "<ShipList>", f"<!DOCTYPE a [<!ENTITY {IDENTIFIERS['Callsign']} 'x'>]><ShipList>"
    ),
    "an unclosed element": sound_list().replace("</MMSI>", f"</x{IDENTIFIERS['Callsign']}>", 1),
    "broken bytes": sound_list().replace("ZZPLANTED STAR", "ZZPLANTED \udcff STAR"),
}


@pytest.mark.parametrize("listed", WITH_IDENTIFIERS.values(), ids=WITH_IDENTIFIERS)
def test_no_identifier_of_a_vessel_enters_any_output(project, listed):
    unpacked(project, {**CHIPS, "Cargo_x9_y9": 20, "odd": 20}, listed.encode("utf-8", "surrogateescape"))
    said = ""
    for command in (
        ["corpus", "opensarship"],
        ["splits"],
        ["captions", "opensarship"],
        ["explain", "opensarship/odd"],
    ):
        for debug in ([], ["--debug"]):
            done = CliRunner().invoke(cli, ["--root", str(project.root), *debug, *command])
            said += done.output + repr(done.exception) + repr(getattr(done.exception, "__cause__", None))
    assert len(index(project)[1]) == 4
    written = [path for path in project.build.rglob("*") if path.is_file()]
    assert {"index.parquet", "quarantine.csv", "captions.parquet", "splits.parquet"} <= {
        path.name for path in written
    }
    for path in written:
        said += path.read_bytes().decode("latin-1")
        if path.suffix == ".parquet":
            said += repr(pq.read_table(path).to_pylist())
    for identifier in (*IDENTIFIERS.values(), "ZZPLANTED", "Nowhere"):
        assert identifier not in said
