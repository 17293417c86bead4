"""Recipe: a sensor whose calibrated data need a window of their own is a line in `corpora.radiometry.CHANNELS`."""

import numpy as np
import yaml

from sartext.tables import INDEX, read_rows
from tests.corpora.making import BASE, tiff


def test_a_sensor_has_its_window_and_the_others_keep_theirs(scratch):
    scratch.add_line("corpora/radiometry.py", 'Channel("HV"', 'Channel("MadeSat HH", (-40.0, -10.0)),')
    calibrated = {**BASE, "kind": "unlabelled", "images": ["*.tif"], "quantity": "db", "calibrated": True}
    sensors = {"l-band": "MadeSat", "c-band": "another"}
    for name, sensor in sensors.items():
        entry = {**calibrated, "name": name, "sensor": sensor, "polarisation": "HH"}
        scratch.write_project(f"catalogue/{name}.yaml", yaml.safe_dump(entry))
        (scratch.project / "data" / name).mkdir(parents=True)
        values = np.random.default_rng(3).normal(-20, 3, (24, 24)).astype(np.float32)
        (scratch.project / "data" / name / "1.tif").write_bytes(tiff(values))
    corpora = {name: {"catalogue": f"catalogue/{name}.yaml"} for name in sensors}
    scratch.write_project("params.yaml", yaml.safe_dump({"corpora": corpora}))
    windows = {}
    for name in sensors:
        indexed = scratch.run("corpus", name)
        assert indexed.returncode == 0, indexed.stderr
        (row,) = read_rows(scratch.project / f"build/corpus/{name}/index.parquet", INDEX)
        windows[name] = row["db_low"], row["db_high"]
    assert windows == {"l-band": (-40.0, -10.0), "c-band": (-25.0, 0.0)}
    assert scratch.edited() == {"corpora/radiometry.py"}
