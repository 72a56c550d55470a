"""List all presets: ``python -m kuramoto_nn.models``."""

from kuramoto_nn.models import AKOrN, AKOrNClassifier, AKOrNSudoku, ItrSA, ItrSASudoku


def main() -> None:
    """Print a line per preset: parameters, FLOPs per image or puzzle, published scores."""
    row = "{:<25} {:<16} {:>12} {:>9}  {}".format
    print(row("preset", "class", "parameters", "GFLOPs", "published (x 100)"))
    for family in (AKOrN, ItrSA, AKOrNSudoku, ItrSASudoku, AKOrNClassifier):
        for name, preset in family.presets().items():
            published = "; ".join(
                f"{score}: {mean} ± {deviation}"
                for score, (mean, deviation) in preset.published.items()
            )
            size, cost = f"{preset.parameters:,}", f"{preset.flops / 1e9:.3f}"
            print(row(name, family.__name__, size, cost, published).rstrip())


if __name__ == "__main__":
    main()
