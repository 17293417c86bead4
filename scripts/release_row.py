"""Draw a row of a release, its image, caption and facts, as the picture of the README (needs chromium)."""

import argparse
import base64
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from jinja2 import Environment

PAGE = Environment(autoescape=True).from_string("""<!doctype html>
<style>
body { margin: 0; padding: 24px; width: 912px; background: #fff; color: #1c2430; font: 17px/1.45 "DejaVu Sans" }
main { display: grid; grid-template-columns: 256px 1fr; gap: 28px }
img { width: 256px; image-rendering: pixelated; border-radius: 4px }
figcaption, th { color: #5b6675; font-size: 13px; font-weight: normal; text-align: left; padding: 0 18px 0 0 }
figure { margin: 0 }
p { margin: 0 0 14px; font-size: 19px }
td { padding: 1px 18px 1px 0 }
table { border-collapse: collapse }
</style>
<main>
<figure><img src="data:image/png;base64,{{ image }}">
<figcaption>{{ row.image_id }}, {{ row.method }}</figcaption></figure>
<div><p>“{{ row.caption }}”</p><table>
{% if facts.cover %}<tr><th>land cover<th>share<th>zone</tr>
{% for cover in facts.cover %}
<tr><td>{{ cover.noun }}<td>{{ "%.1f"|format(100 * cover.fraction) }} %: {{ cover.share }}
<td>{{ cover.zone or "" }}</tr>
{% endfor %}{% endif %}
{% if facts.objects %}<tr><th>objects<th>in the center<th>outside</tr>
{% for object in facts.objects %}
<tr><td>{{ object.count }} {{ object.noun if object.count == 1 else object.plural }}
<td>{{ object.center }}<td>{{ object.outside }}</tr>
{% endfor %}{% endif %}
</table></div></main>
""")


def main() -> int:
    """Draw the row that the command line names, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("release", type=Path, help="a folder of a release")
    parser.add_argument("image_id")
    parser.add_argument("--out", type=Path, default=Path("docs/images/release-row.png"))
    arguments = parser.parse_args()
    row = find_row(arguments.release, arguments.image_id)
    image = base64.b64encode(row["image"]["bytes"]).decode("ascii")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "row.html"
        page.write_text(PAGE.render(row=row, facts=json.loads(row["facts"]), image=image), encoding="utf-8")
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += [
            "--disable-background-networking",
            "--window-size=960,312",
            f"--user-data-dir={folder}/profile",
        ]
        subprocess.run([*command, f"--screenshot={arguments.out}", page.as_uri()], check=True, capture_output=True)
    return 0


def find_row(release: Path, image_id: str) -> dict[str, Any]:
    """Return the row of an image, or end with an error."""
    for path in sorted((release / "data").glob("*.parquet")):
        rows: list[dict[str, Any]] = pq.read_table(path, filters=[("image_id", "=", image_id)]).to_pylist()
        if rows:
            return rows[0]
    sys.exit(f"error: {release} holds no image '{image_id}'")


if __name__ == "__main__":
    sys.exit(main())
