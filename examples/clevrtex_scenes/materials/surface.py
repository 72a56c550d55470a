"""What a material function returns, and how it becomes the output of a node tree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from examples.clevrtex_scenes.materials.graph import Color, Graph, Number, Value


@dataclass(frozen=True)
class Surface:
    """Look of a surface.

    Args:
        color: Base colour.
        height: Relief as a number per point, about 0..1; None is smooth.
        relief: What `height` is multiplied with, in radii of the shape.
        rough: Roughness, 0 a mirror.
        metal: 1 for metals.
        coat: Clear lacquer, 0..1.
        sheen: Fuzz seen at grazing angles, 0..1.
    """

    color: Color
    height: Value | None = None
    relief: float = 0.0
    rough: Number = 0.6
    metal: Number = 0.0
    coat: float = 0.0
    sheen: float = 0.0


Material = Callable[..., Surface]
"""A function of a `Graph` and parameters of its own."""
Table = dict[str, tuple[Material, dict[str, Any]]]
"""Names of materials: the function and its parameters."""


def finish(graph: Graph, surface: Surface) -> None:
    """Add shader and output nodes.

    The height goes into the displacement socket, so that the renderer moves the vertices with it
    and bends the light of what is finer than they are.
    """
    shader = graph.node(
        "ShaderNodeBsdfPrincipled",
        {
            "Base Color": surface.color,
            "Roughness": surface.rough,
            "Metallic": surface.metal,
            "Coat Weight": surface.coat,
            "Coat Roughness": 0.1,
            "Sheen Weight": surface.sheen,
        },
    )
    output = graph.node("ShaderNodeOutputMaterial")
    graph.feed(output.inputs["Surface"], Value(graph, shader.outputs[0]))
    if surface.height is not None:
        size = surface.relief / graph.scale
        moved = graph.node(
            "ShaderNodeDisplacement", {"Height": surface.height, "Midlevel": 0.5, "Scale": size}
        )
        graph.feed(output.inputs["Displacement"], Value(graph, moved.outputs[0]))
