"""The command line: ``sartext``, whose commands are assembled from one module per subject.

Heavy modules are imported inside the commands that use them.
"""

from sartext.cli.commands import cli, main
from sartext.cli.program import Group, data_option, run

__all__ = ["Group", "cli", "data_option", "main", "run"]
