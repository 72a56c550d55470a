"""Surfaces without a texture: CLEVR's rubber and metal, and the plain ground."""

from __future__ import annotations

from examples.clevrtex_scenes.materials.graph import Graph
from examples.clevrtex_scenes.materials.surface import Surface, Table


def rubber(g: Graph, *, color: str) -> Surface:
    """Dull."""
    return Surface(color, rough=0.7)


def metal(g: Graph, *, color: str) -> Surface:
    """Shiny."""
    return Surface(color, rough=0.2, metal=1.0)


PLAIN: Table = {
    "plain": (rubber, {"color": "#9a9a9a"}),
    "rubber": (rubber, {}),
    "metal": (metal, {}),
}
"""Rubber and metal take the `color` of their object."""
