"""run.py: runs the test_*.py of this folder with the harness of Tests/integration."""
import glob
import importlib
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "integration")]
sys.dont_write_bytecode = True

from harness import runner  # noqa: E402

for path in sorted(glob.glob(os.path.join(HERE, "test_*.py"))):
    importlib.import_module(os.path.basename(path)[:-3])
patterns = [word for word in sys.argv[1:] if word != "-v"]
sys.exit(runner.Runner("clients", "-v" in sys.argv).run_all(runner.collected(), patterns))
