"""``verify.py``: a program that proves every byte of a release without this package."""

from pathlib import Path

from sartext.release import verify
from sartext.release.documents.document import Document

DOCUMENT = Document(
    "verify.py",
    "proves every byte with Python alone: `python3 -I verify.py`",
    lambda edition: Path(verify.__file__).read_bytes(),
)
