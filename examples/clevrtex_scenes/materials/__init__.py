"""Materials as procedural node graphs, written for this project.

A material is a function of a `graph.Graph` and some parameters which returns a `surface.Surface`;
a table per family names it. `FULL` and `OUTD` share no name.
"""

from __future__ import annotations

from typing import Any

from examples.clevrtex_scenes.materials import fabric, ground, metal, soft, stone, tiles, wood
from examples.clevrtex_scenes.materials.graph import REST, UV, Graph
from examples.clevrtex_scenes.materials.plain import PLAIN
from examples.clevrtex_scenes.materials.surface import Table, finish

__all__ = ["FULL", "OUTD", "PLAIN", "REST", "UV", "wire"]

_FAMILIES = (wood, stone, metal, fabric, tiles, ground, soft)

FULL: Table = {name: entry for family in _FAMILIES for name, entry in family.FULL.items()}
OUTD: Table = {name: entry for family in _FAMILIES for name, entry in family.OUTD.items()}


def wire(
    tree: Any,
    name: str,
    *,
    color: str | None = None,
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0),
    scale: float = 1.0,
) -> None:
    """Fill a node tree with a material.

    Args:
        tree: Blender's node tree; emptied first.
        name: A key of `FULL`, `OUTD` or `PLAIN`.
        color: "#rrggbb" for the materials that take a colour.
        offset: Where in the texture the surface lies.
        scale: Units of the texture on one unit of the mesh.
    """
    function, parameters = (FULL | OUTD | PLAIN)[name]
    tree.nodes.clear()
    graph = Graph(tree, offset=offset, scale=scale)
    own = parameters if color is None else parameters | {"color": color}
    finish(graph, function(graph, **own))
