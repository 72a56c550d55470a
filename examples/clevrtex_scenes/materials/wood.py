"""Woods: growth rings cut from the solid, boards, parquet, bark, bamboo."""

from __future__ import annotations

from examples.clevrtex_scenes.materials.graph import Graph
from examples.clevrtex_scenes.materials.patterns import rows
from examples.clevrtex_scenes.materials.surface import Surface, Table


def timber(
    g: Graph, *, colors: tuple[str, ...], rings: float = 5.0, wild: float = 0.35, coat: float = 0.0
) -> Surface:
    """Rings about an upright axis that passes near, with fibres along it."""
    pith = tuple(0.1 * shift for shift in g.offset)
    at = g.vector(g.solid, scale=(1.0, 1.0, 0.25), shift=pith)
    x, y, _ = g.axes(g.warp(at, wild, 1.2))
    radius = g.math("SQRT", x * x + y * y) * rings
    ring = radius - g.math("FLOOR", radius)
    fibre = g.noise(9.0, detail=4.0, at=g.vector(g.rest, scale=(5.0, 5.0, 0.35)))
    late = g.smooth(ring, 0.0, 0.85) * g.smooth(ring, 1.0, 0.9)
    tone = late * 0.7 + fibre * 0.3
    return Surface(g.ramp(tone, colors), late * 0.2 + fibre * 0.8, 0.02, rough=0.5, coat=coat)


def boards(
    g: Graph,
    *,
    colors: tuple[str, ...],
    width: float = 1.5,
    height: float = 0.25,
    gap: float = 0.02,
    worn: float = 0.3,
    relief: float = 0.05,
) -> Surface:
    """Planks, each with a tone and a grain of its own."""
    plank = rows(g, width=width, height=height, shift=0.37)
    grain = g.noise(7.0, detail=5.0, rough=0.65, at=plank.own(g.uv, (0.5, 5.0)))
    tone = plank.random() * 0.6 + grain * 0.4
    flat = g.smooth(plank.edge, gap * 0.3, gap * 1.5)
    color = g.shade(g.ramp(tone, colors), flat * 0.75 + 0.25)
    return Surface(color, flat * (1 - worn * 0.5) + grain * worn * 0.5, relief, rough=0.6)


def parquet(g: Graph, *, colors: tuple[str, ...], block: float = 0.6, strips: int = 4) -> Surface:
    """Squares of strips that lie crosswise to those of the next square."""
    square = rows(g, width=block, height=block)
    crosswise = g.math("FLOORED_MODULO", square.column + square.row, 2.0)
    across = square.v + crosswise * (square.u - square.v)
    along = square.u + crosswise * (square.v - square.u)
    number = g.math("FLOOR", across * strips)
    inside = across * strips - number
    tone = g.random(g.point(square.column + 0.5, square.row + 0.5, number + 0.5))
    grain = g.noise(6.0, detail=4.0, at=g.point(along * 0.5, across * 5, tone * 50))
    joint = g.math("MINIMUM", 0.5 - abs(inside - 0.5), square.edge * (strips / block))
    flat = g.smooth(joint, 0.02, 0.1)
    color = g.shade(g.ramp(tone * 0.6 + grain * 0.4, colors), flat * 0.7 + 0.3)
    return Surface(color, flat * 0.8 + grain * 0.2, 0.03, rough=0.35, coat=0.3)


def bark(g: Graph, *, colors: tuple[str, ...], scale: float = 4.0, relief: float = 0.14) -> Surface:
    """Long plates with deep furrows."""
    at = g.vector(g.warp(g.rest, 0.35, 2.5), scale=(1.0, 1.0, 0.35))
    _, edge, number = g.cells(scale, at=at)
    fine = g.noise(14.0, detail=4.0, at=at)
    plate = g.smooth(edge, 0.0, 0.35)
    tone = plate * 0.6 + fine * 0.25 + number * 0.15
    return Surface(g.ramp(tone, colors), plate * 0.75 + fine * 0.25, relief, rough=0.9)


def birch(g: Graph, *, paper: str, marks: str) -> Surface:
    """White paper with dark horizontal lenticels."""
    dash = g.noise(3.0, detail=2.0, at=g.vector(g.rest, scale=(1.0, 1.0, 7.0)))
    mark = g.smooth(dash, 0.62, 0.72)
    fine = g.noise(8.0, detail=3.0)
    color = g.mix(g.ramp(fine, ("#a99f92", paper)), marks, mark)
    return Surface(color, fine * 0.5 - mark * 0.5 + 0.5, 0.04, rough=0.7)


def canes(g: Graph, *, colors: tuple[str, ...], width: float = 0.2) -> Surface:
    """Round canes side by side, with knots."""
    cane = rows(g, width=width, height=1.3)
    tone = cane.random(1.0) * 0.5 + g.noise(5.0, at=g.vector(g.uv, scale=(6.0, 0.6, 1.0))) * 0.5
    knot = g.smooth(abs(cane.v - 0.5), 0.03, 0.0)
    round_ = g.math("SQRT", 1 - (cane.u * 2 - 1) ** 2.0)
    color = g.shade(g.ramp(tone, colors), g.smooth(round_, 0.0, 0.6) * 0.8 + 0.2 - knot * 0.4)
    return Surface(color, round_ * 0.85 + knot * 0.15, 0.09, rough=0.4, coat=0.2)


FULL: Table = {
    "oak": (timber, {"colors": ("#d2a870", "#b98a52", "#8a5c30")}),
    "walnut": (timber, {"colors": ("#7a5236", "#5a3822", "#2e1a0f"), "rings": 6.0, "coat": 0.4}),
    "pine": (timber, {"colors": ("#f0d09a", "#e2b26c", "#b5722f"), "rings": 4.0, "wild": 0.25}),
    "ebony": (timber, {"colors": ("#3b322d", "#221c19", "#0d0a09"), "coat": 0.8}),
    "zebrano": (timber, {"colors": ("#d8b684", "#a87d4d", "#2f1c10"), "rings": 8.0, "wild": 0.2}),
    "oak_planks": (boards, {"colors": ("#7d5230", "#b07b47", "#d9ab72")}),
    "grey_planks": (
        boards,
        {"colors": ("#4c4a46", "#85827b", "#b9b5aa"), "gap": 0.035, "worn": 0.9, "relief": 0.09},
    ),
    "parquet": (parquet, {"colors": ("#6b3d1c", "#a3652f", "#cf9355")}),
    "oak_bark": (bark, {"colors": ("#1d1510", "#4b382a", "#8d7763")}),
    "bamboo": (canes, {"colors": ("#8c7a32", "#c6ad5b", "#e6d79a")}),
}
OUTD: Table = {
    "mahogany": (timber, {"colors": ("#9c4a2e", "#74301d", "#45170d"), "rings": 3.5, "coat": 0.6}),
    "teak_deck": (
        boards,
        {"colors": ("#6a3a17", "#94572a", "#b3753f"), "width": 6.0, "height": 0.16, "gap": 0.03},
    ),
    "birch_bark": (birch, {"paper": "#f2ece0", "marks": "#241b15"}),
    "red_bark": (bark, {"colors": ("#200a05", "#7c3019", "#b8663f"), "scale": 2.6}),
}
