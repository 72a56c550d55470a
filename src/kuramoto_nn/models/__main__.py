"""List all presets: ``python -m kuramoto_nn.models``."""

import argparse
import os
import sys

from kuramoto_nn.models import all_presets

LINE = "{:<25} {:<16} {:>12} {:>9}  {}"


def main() -> None:
    """Print a line per preset: parameters, FLOPs per image or puzzle, published scores."""
    argparse.ArgumentParser("python -m kuramoto_nn.models", description=main.__doc__).parse_args()
    print(LINE.format("preset", "class", "parameters", "GFLOPs", "published (x 100)"))
    for name, preset in all_presets().items():
        published = "; ".join(f"{score}: {m} ± {s}" for score, (m, s) in preset.published.items())
        size, cost = f"{preset.parameters:,}", f"{preset.flops / 1e9:.3f}"
        line = LINE.format(name, preset.model_class.__name__, size, cost, published)
        print(line.rstrip(), flush=True)


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:  # the reader of the output, such as `head`, has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
