"""tools.py: C programs compiled when they are needed.

A program is compiled once per run into a directory that goes with the process. No build
system: the tests that need a compiler say so and are skipped without one.
"""
import atexit
import os
import shutil
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

_directory = None
_built = {}


class Unavailable(Exception):
    """This machine cannot do it; the text says what is missing."""


def build(name, sources, flags=()):
    """The path of the program compiled from `sources`, which stand beside this file."""
    global _directory
    if name in _built:
        return _built[name]
    compiler = shutil.which("cc")
    if not compiler:
        raise Unavailable("no C compiler (cc)")
    if _directory is None:
        _directory = tempfile.mkdtemp(prefix="martlet-tools-")
        atexit.register(shutil.rmtree, _directory, ignore_errors=True)
    path = os.path.join(_directory, name)
    command = [compiler, "-O2", "-o", path, *(os.path.join(HERE, source) for source in sources), *flags]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if said.returncode:
        missing = next((line for line in said.stderr.splitlines() if "No such file" in line), "")
        raise Unavailable(f"{name} does not compile: {missing or said.stderr[:1000]}")
    _built[name] = path
    return path
