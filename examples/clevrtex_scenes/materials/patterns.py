"""Patterns that are laid on a surface piece by piece: rows, hexagons, threads."""

from __future__ import annotations

from dataclasses import dataclass

from examples.clevrtex_scenes.materials.graph import Graph, Value


@dataclass(frozen=True)
class Piece:
    """The piece that a point of the surface lies in.

    Args:
        graph: Where it is wired.
        u: Place along the piece, 0..1.
        v: Place across the piece, 0..1.
        column: Number of the piece in its row.
        row: Number of the row.
        edge: Distance to the nearest edge.
        radius: Distance to the middle.
    """

    graph: Graph
    u: Value
    v: Value
    column: Value
    row: Value
    edge: Value
    radius: Value

    def random(self, stream: float = 0.0) -> Value:
        """A number in 0..1 per piece; another one for another stream."""
        # White noise hashes bits: a half keeps -0 and 0, which are one piece, apart from trouble.
        return self.graph.random(self.graph.point(self.column + 0.5, self.row + 0.5, stream + 0.5))

    def own(self, at: Value, stretch: tuple[float, float] = (1.0, 1.0)) -> Value:
        """Coordinates that start somewhere else in every piece, for grain that ends at a joint."""
        x, y, _ = self.graph.axes(at)
        return self.graph.point(x * stretch[0], y * stretch[1], self.random(7.0) * 50)


def rows(
    g: Graph, *, width: float, height: float, shift: float = 0.0, at: Value | None = None
) -> Piece:
    """Rectangles, every row shifted against the one below by a part of a width.

    Args:
        g: Where to wire it.
        width: Of a rectangle; 6 divided by a whole number closes around a cylinder.
        height: Of a rectangle.
        shift: 0.5 for bricks.
        at: Coordinates, the surface's if None.
    """
    x, y, _ = g.axes(at or g.uv)
    y = y / height
    row = g.math("FLOOR", y)
    x = x / width + row * shift
    column = g.math("FLOOR", x)
    u, v = x - column, y - row
    du, dv = abs(u - 0.5) * width, abs(v - 0.5) * height
    edge = g.math("MINIMUM", width / 2 - du, height / 2 - dv)
    radius = g.math("SQRT", du * du + dv * dv)
    return Piece(g, u, v, column, row, edge, radius)


def hexagons(g: Graph, *, width: float, at: Value | None = None) -> Piece:
    """Regular hexagons, `width` from side to side: the nearer of two rectangular lattices."""
    first = rows(g, width=width, height=width * 3**0.5, at=at)
    moved = g.vector(at or g.uv, shift=(width / 2, width * 3**0.5 / 2, 0.0))
    second = rows(g, width=width, height=width * 3**0.5, at=moved)
    nearer = g.math("LESS_THAN", second.radius, first.radius)

    def choose(name: str) -> Value:
        a, b = getattr(first, name), getattr(second, name)
        return a + nearer * (b - a)

    u, v = choose("u"), choose("v")
    x, y = abs(u - 0.5), abs(v - 0.5) * 3**0.5
    edge = (0.5 - g.math("MAXIMUM", x, x * 0.5 + y * (3**0.5 / 2))) * width
    column, row = choose("column") + nearer * 0.25, choose("row")
    return Piece(g, u, v, column, row, edge, choose("radius"))


def threads(g: Graph, *, width: float, twill: int = 1) -> tuple[Value, Value, Piece]:
    """Two crossing sets of threads.

    Args:
        g: Where to wire it.
        width: Of a thread.
        twill: How many threads each one passes over before it goes under; 1 is plain weave.

    Returns:
        Height, whether the upper thread is one along u (0 or 1), and the crossing.
    """
    piece = rows(g, width=width, height=width)
    phase = g.math("FLOORED_MODULO", piece.column + piece.row, 2.0 * twill)
    over = g.math("LESS_THAN", phase, twill - 0.5)
    across_u = 1 - (piece.u * 2 - 1) ** 2.0
    across_v = 1 - (piece.v * 2 - 1) ** 2.0
    along = across_v * (across_u * 0.4 + 0.6)
    other = across_u * (across_v * 0.4 + 0.6)
    return other + over * (along - other), over, piece
