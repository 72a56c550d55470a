"""A short way to wire shader nodes: Python expressions that build a node tree.

A `Value` stands for the output of a node; arithmetic on values adds Math nodes. A `Graph` offers
textures over two coordinates which every mesh carries and no displacement moves: `rest`, the solid
(x, y, z), and `uv`, a surface map; both count in units of the shape, whose radius is 1.
Nothing here imports `bpy`: a tree is handed in.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

REST, UV = "rest", "surface"
"""Names of the meshes' point attribute and UV map."""


def linear(color: str) -> tuple[float, float, float, float]:
    """Turn sRGB "#rrggbb" into linear RGBA, as nodes want it.

    Examples:
        >>> linear("#ff0000")
        (1.0, 0.0, 0.0, 1.0)
    """
    srgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    rgb = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    red, green, blue = (float(x) for x in rgb)
    return red, green, blue, 1.0


class Value:
    """Output of a node."""

    def __init__(self, graph: Graph, socket: Any):
        self.graph, self.socket = graph, socket

    def __add__(self, other: Number) -> Value:
        return self.graph.math("ADD", self, other)

    def __sub__(self, other: Number) -> Value:
        return self.graph.math("SUBTRACT", self, other)

    def __mul__(self, other: Number) -> Value:
        return self.graph.math("MULTIPLY", self, other)

    def __rsub__(self, other: float) -> Value:
        return self.graph.math("SUBTRACT", other, self)

    __radd__, __rmul__ = __add__, __mul__

    def __truediv__(self, other: Number) -> Value:
        return self.graph.math("DIVIDE", self, other)

    def __pow__(self, other: Number) -> Value:
        return self.graph.math("POWER", self, other)

    def __abs__(self) -> Value:
        return self.graph.math("ABSOLUTE", self)


Number = Value | float
Color = Value | str


class Graph:
    """Node tree of one material.

    Attributes:
        rest: Coordinates in the solid, from a place that is another one for every object.
        solid: The same from the middle of the mesh.
        uv: Coordinates on the surface.

    Args:
        tree: Blender's node tree, empty.
        offset: `(3,)` shift of the coordinates: where the texture is cut.
        scale: How many units of the texture go on one unit of the mesh.
    """

    def __init__(self, tree: Any, *, offset: tuple[float, float, float], scale: float = 1.0):
        self.tree, self.offset, self.scale = tree, offset, scale
        rest = self.node("ShaderNodeAttribute", attribute_name=REST).outputs["Vector"]
        self.solid = self.vector(Value(self, rest), scale=(scale,) * 3)
        self.rest = self.vector(self.solid, shift=offset)
        uv = self.node("ShaderNodeUVMap", uv_map=UV).outputs["UV"]
        # A whole shift keeps patterns closed around a cylinder, which is a whole number round.
        whole = tuple(float(round(x)) for x in offset)
        self.uv = self.vector(Value(self, uv), scale=(scale,) * 3, shift=whole)

    def node(self, kind: str, inputs: dict[str, Any] | None = None, **settings: Any) -> Any:
        """Add a node with its settings; inputs are values, numbers, tuples or "#rrggbb"."""
        node = self.tree.nodes.new(kind)
        for name, value in settings.items():
            setattr(node, name, value)
        for name, value in (inputs or {}).items():
            self.feed(next(s for s in node.inputs if name in (s.identifier, s.name)), value)
        return node

    def feed(self, socket: Any, value: Any) -> None:
        """Connect a value to an input, or set the input to a constant."""
        if isinstance(value, Value):
            self.tree.links.new(value.socket, socket)
        else:
            socket.default_value = linear(value) if isinstance(value, str) else value

    def math(self, operation: str, *values: Number, clamp: bool = False) -> Value:
        """One Math node."""
        node = self.node("ShaderNodeMath", operation=operation, use_clamp=clamp)
        for socket, value in zip(node.inputs, values, strict=False):
            self.feed(socket, value)
        return Value(self, node.outputs[0])

    def smooth(self, value: Number, low: float, high: float) -> Value:
        """Smooth step from 0 at `low` to 1 at `high` (which may be the lower one)."""
        ends = {"From Min": low, "From Max": high}
        kind = {"interpolation_type": "SMOOTHSTEP"}
        if low > high:
            return 1 - self.smooth(value, high, low)
        node = self.node("ShaderNodeMapRange", {"Value": value, **ends}, **kind)
        return Value(self, node.outputs["Result"])

    def vector(
        self,
        at: Value,
        *,
        scale: tuple[float, ...] = (1.0, 1.0, 1.0),
        shift: tuple[float, ...] = (0.0, 0.0, 0.0),
        rotate: tuple[float, ...] = (0.0, 0.0, 0.0),
    ) -> Value:
        """Scale, turn (radians) and shift coordinates."""
        inputs = {"Vector": at, "Scale": scale, "Location": shift, "Rotation": rotate}
        return Value(self, self.node("ShaderNodeMapping", inputs).outputs["Vector"])

    def axes(self, at: Value) -> tuple[Value, Value, Value]:
        """The three coordinates of a vector."""
        x, y, z = self.node("ShaderNodeSeparateXYZ", {"Vector": at}).outputs
        return Value(self, x), Value(self, y), Value(self, z)

    def point(self, x: Number, y: Number, z: Number = 0.0) -> Value:
        """A vector of three coordinates."""
        node = self.node("ShaderNodeCombineXYZ", {"X": x, "Y": y, "Z": z})
        return Value(self, node.outputs[0])

    def warp(self, at: Value, amount: float, scale: float) -> Value:
        """Coordinates pushed about by noise."""
        inputs = {"Vector": at, "Scale": scale, "Detail": 1.0}
        noise = self.node("ShaderNodeTexNoise", inputs).outputs["Color"]
        scaled = {"Vector": Value(self, noise), "Scale": amount}
        push = Value(self, self.node("ShaderNodeVectorMath", scaled, operation="SCALE").outputs[0])
        node = self.node("ShaderNodeVectorMath", operation="ADD")
        self.feed(node.inputs[0], at)
        self.feed(node.inputs[1], push)
        return Value(self, node.outputs[0])

    def noise(
        self, scale: float, *, detail: float = 3.0, rough: float = 0.5, at: Value | None = None
    ) -> Value:
        """Fractal noise, spread over 0..1 with mean 1/2."""
        inputs = {"Vector": at or self.rest, "Scale": scale, "Detail": detail, "Roughness": rough}
        value = Value(self, self.node("ShaderNodeTexNoise", inputs).outputs[0])
        # Blender's noise keeps within about 0.3..0.7.
        return self.math("MULTIPLY_ADD", value, 2.0, -0.5, clamp=True)

    def ridges(self, scale: float, *, detail: float = 3.0, at: Value | None = None) -> Value:
        """Noise folded at its middle: 1 on thin winding lines, falling to 0."""
        return 1 - abs(self.noise(scale, detail=detail, at=at) * 2 - 1)

    def cells(
        self, scale: float, *, randomness: float = 1.0, at: Value | None = None
    ) -> tuple[Value, Value, Value]:
        """Voronoi cells: distance to the centre, distance to the edge, a random number per cell."""
        inputs = {"Vector": at or self.rest, "Scale": scale, "Randomness": randomness}
        centre = self.node("ShaderNodeTexVoronoi", inputs)
        edge = self.node("ShaderNodeTexVoronoi", inputs, feature="DISTANCE_TO_EDGE")
        number = self.axes(Value(self, centre.outputs["Color"]))[0]
        return Value(self, centre.outputs["Distance"]), Value(self, edge.outputs[0]), number

    def random(self, at: Value) -> Value:
        """A random number in 0..1 for every value of a vector."""
        return Value(self, self.node("ShaderNodeTexWhiteNoise", {"Vector": at}).outputs["Value"])

    def random_like(self, value: Value) -> Value:
        """A second random number that goes with a first one."""
        return self.math("FRACT", value * 17.31)

    def mix(self, low: Color, high: Color, share: Number) -> Value:
        """Blend two colours."""
        inputs = {"Factor_Float": share, "A_Color": low, "B_Color": high}
        node = self.node("ShaderNodeMix", inputs, data_type="RGBA")
        return Value(self, next(s for s in node.outputs if s.identifier == "Result_Color"))

    def ramp(self, value: Number, colors: Iterable[str]) -> Value:
        """Colours spread evenly over 0..1."""
        colors = list(colors)
        node = self.node("ShaderNodeValToRGB", {"Fac": value})
        elements = node.color_ramp.elements  # two at first, at 0 and 1
        for k in range(1, len(colors) - 1):
            elements.new(k / (len(colors) - 1))
        for element, color in zip(elements, colors, strict=True):
            element.color = linear(color)
        return Value(self, node.outputs["Color"])

    def shade(self, color: Color, value: Number) -> Value:
        """Colour times a number."""
        inputs = {"Factor_Float": 1.0, "A_Color": color, "B_Color": self.grey(value)}
        node = self.node("ShaderNodeMix", inputs, data_type="RGBA", blend_type="MULTIPLY")
        return Value(self, next(s for s in node.outputs if s.identifier == "Result_Color"))

    def grey(self, value: Number) -> Value:
        """A number as a colour."""
        node = self.node("ShaderNodeCombineColor", {"Red": value, "Green": value, "Blue": value})
        return Value(self, node.outputs[0])
