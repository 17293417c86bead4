"""The documentation: pages in Markdown, and a reference made from the docstrings. `make docs` builds it."""

import logging
import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
logging.getLogger("rasterio").setLevel(logging.ERROR)

project = "SAR-Text"
author = "the SAR-Text authors"
copyright = "the SAR-Text authors, Apache License 2.0"

extensions = [
    "myst_parser",  # pages in Markdown
    "sphinx.ext.apidoc",  # a page per package of the reference
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",  # Args, Returns and Raises of the docstrings
    "sphinx.ext.viewcode",
]
root_doc = "index"
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

apidoc_modules = [
    {
        "path": str(Path(__file__).resolve().parent.parent / "src" / "sartext"),
        "destination": "reference",
        "max_depth": 4,
        "implicit_namespaces": False,
        "separate_modules": False,
        "include_private": False,
        "automodule_options": {"members", "show-inheritance"},
    }
]
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
default_role = "code"  # docstrings are plain text with `names`
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # a class documents each of its attributes once
suppress_warnings = ["ref.python", "docutils", "autodoc.import_object", "myst.header"]

html_theme = "furo"  # carries its fonts and scripts: the pages open from disk, offline
html_title = "SAR-Text"
html_show_sphinx = False
