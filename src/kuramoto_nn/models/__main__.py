"""List all presets: ``python -m kuramoto_nn.models``."""

import argparse
import os
import sys

from kuramoto_nn.models import all_presets


def main() -> None:
    """Print a line per preset: parameters, FLOPs per image or puzzle, published scores."""
    description = "List all presets: parameters, FLOPs per image or puzzle, published scores."
    argparse.ArgumentParser(
        prog="python -m kuramoto_nn.models", description=description
    ).parse_args()
    line = "{:<25} {:<16} {:>12} {:>9}  {}".format
    print(line("preset", "class", "parameters", "GFLOPs", "published (x 100)"))
    for name, preset in all_presets().items():
        published = "; ".join(
            f"{score}: {mean} ± {deviation}"
            for score, (mean, deviation) in preset.published.items()
        )
        size, cost = f"{preset.parameters:,}", f"{preset.flops / 1e9:.3f}"
        network = preset.model_class.__name__
        print(line(name, network, size, cost, published).rstrip(), flush=True)


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:  # the reader of the output, such as `head`, has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
