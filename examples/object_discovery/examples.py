"""Found instead of the package `examples` when a script of this folder is run by its path."""

import sys
from pathlib import Path

if __name__ == "examples":
    sys.exit(
        f"error: run it as a module, from the repository's root: "
        f"python -m examples.object_discovery.{Path(sys.argv[0]).stem}"
    )
