"""Property tests: the oracle and the generators stand in tests/, which pytest's importlib mode leaves off the path."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
