"""Rows by their names: the recipe, and the untrained network."""

from collections.abc import Mapping
from typing import Any, TypeVar

import torch

from examples.training.randomness import generator_for
from kuramoto_nn.models import Model

Recipe = TypeVar("Recipe")


def look_up(recipes: Mapping[str, Recipe], preset: str) -> Recipe:
    """Look a recipe up.

    Args:
        recipes: All recipes by name.
        preset: Name of the row.

    Returns:
        Its recipe.

    Raises:
        ValueError: If there is none of that name.
    """
    if preset not in recipes:
        raise ValueError(f"unknown preset {preset!r}; known are {', '.join(recipes)}")
    return recipes[preset]


def build_untrained(families: tuple[type[Model], ...], preset: str, *, seed: int) -> Any:
    """Build the untrained network of a preset.

    Args:
        families: Model classes, one of which has the preset.
        preset: Its name.
        seed: Decides the weights, alone; the global generator stays as it is.

    Returns:
        The model.
    """
    family = next(family for family in families if preset in family.presets())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(generator_for(seed, "initialisation").initial_seed())
        return family.from_preset(preset)
