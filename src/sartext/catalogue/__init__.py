"""What is known of each corpus: one small YAML file per corpus, validated here.

The package's own files lie beside this module; a project's own lie in its ``catalogue/`` folder and are read
after them. A name that both define is an error.
"""

from sartext.catalogue.entry import Annotations, CorpusClass, Entry, Pairing, Published
from sartext.catalogue.loading import GAP, Catalogue, find_entry, load_catalogue, load_entry, read_catalogue

__all__ = [
    "GAP",
    "Annotations",
    "Catalogue",
    "CorpusClass",
    "Entry",
    "Pairing",
    "Published",
    "find_entry",
    "load_catalogue",
    "load_entry",
    "read_catalogue",
]
