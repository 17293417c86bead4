"""The torchvision guard: what lets a torchvision for GPUs import beside a torch for CPUs, and nothing more."""

import subprocess
import sys

from sartext.models import compatibility

SCRIPT = """
import importlib.abc, importlib.machinery, sys
import torch

class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    body = staticmethod(lambda: None)
    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self) if name == "torchvision" else None
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        self.body()

def broken():
    raise RuntimeError("broken otherwise")

def needing():
    # as torchvision does for operators that its own library would have defined
    for name in ("nms", "qnms"):
        torch.library.register_fake(f"torchvision::{name}")(lambda *given: None)

finder = Finder()
sys.meta_path.insert(0, finder)
before_open_clip = open(sys.argv[1]).read().split("guard_torchvision()\\n\\nimport open_clip")[0]
scope = {}
exec(compile(before_open_clip, "guard", "exec"), scope)
for body in (lambda: None, broken, needing):
    sys.modules.pop("torchvision", None)
    finder.body = body
    try:
        outcome = scope["guard_torchvision"]()
    except RuntimeError as error:
        outcome = error
    print(outcome, hasattr(torch.ops.torchvision, "nms"))
"""


def test_missing_operators_are_declared_and_nothing_else_is_touched():
    command = [sys.executable, "-c", SCRIPT, compatibility.__file__]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    loads, other_fault, missing = done.stdout.splitlines()
    assert loads == "False False"
    assert other_fault == "broken otherwise False", "another fault is not hidden"
    assert missing == "True True"
