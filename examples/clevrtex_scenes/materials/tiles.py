"""Laid by hand: bricks, roof tiles, wall tiles, mosaics, scales."""

from __future__ import annotations

from examples.clevrtex_scenes.materials.graph import Graph
from examples.clevrtex_scenes.materials.patterns import hexagons, rows
from examples.clevrtex_scenes.materials.surface import Surface, Table


def bricks(
    g: Graph,
    *,
    colors: tuple[str, ...],
    mortar: str = "#b5ada0",
    width: float = 0.5,
    height: float = 0.2,
    shift: float = 0.5,
    joint: float = 0.018,
    relief: float = 0.06,
    rough: float = 0.85,
    worn: float = 0.35,
) -> Surface:
    """Courses of pieces with rough faces in mortar; all rectangular masonry."""
    at = g.warp(g.uv, 0.02 * worn, 8.0)
    brick = rows(g, width=width, height=height, shift=shift, at=at)
    fine = g.noise(9.0, detail=5.0, rough=0.65)
    face = g.smooth(brick.edge, joint * 0.6, joint * 2.2)
    tone = brick.random() * (1 - worn) + fine * worn
    grit = g.shade(mortar, fine * 0.4 + 0.7)
    shown = g.smooth(brick.edge, joint * 0.8, joint * 1.2)
    height_value = face * (1 - worn * 0.5) + fine * worn * 0.5 + brick.random(3.0) * worn * 0.3
    return Surface(g.mix(grit, g.ramp(tone, colors), shown), height_value, relief, rough=rough)


def glazed(
    g: Graph,
    *,
    colors: tuple[str, ...],
    grout: str,
    width: float = 0.3,
    height: float = 0.3,
    shift: float = 0.0,
    joint: float = 0.012,
) -> Surface:
    """Shiny tiles with pillowed edges."""
    tile = rows(g, width=width, height=height, shift=shift)
    pillow = g.smooth(tile.edge, joint, joint * 4)
    cloud = g.noise(6.0, detail=3.0)
    shown = g.smooth(tile.edge, joint * 0.7, joint)
    color = g.mix(grout, g.ramp(tile.random() * 0.6 + cloud * 0.4, colors), shown)
    return Surface(
        color, pillow * 0.9 + tile.random(2.0) * 0.1, 0.03, rough=0.8 - shown * 0.7, coat=0.5
    )


def checkered(g: Graph, *, light: str, dark: str, size: float = 0.375) -> Surface:
    """Polished squares of two veined stones."""
    tile = rows(g, width=size, height=size)
    odd = g.math("FLOORED_MODULO", tile.column + tile.row, 2.0)
    vein = g.smooth(g.ridges(2.5, detail=4.0), 0.85, 1.0)
    color = g.mix(g.mix(light, dark, odd), g.mix(dark, light, odd), vein * 0.35)
    face = g.smooth(tile.edge, 0.004, 0.016)
    return Surface(g.shade(color, face * 0.6 + 0.4), face, 0.02, rough=0.15, coat=0.3)


def roof(g: Graph, *, colors: tuple[str, ...], width: float = 0.4, length: float = 0.55) -> Surface:
    """Curved roof tiles, every course lying on the one below."""
    tile = rows(g, width=width, height=length, shift=0.5)
    arch = g.math("SQRT", 1 - (tile.u * 2 - 1) ** 2.0)
    step = 1 - tile.v
    fine = g.noise(8.0, detail=5.0)
    lip = g.smooth(tile.v, 0.0, 0.06)
    gutter = g.smooth(arch, 0.0, 0.5)
    color = g.ramp(tile.random() * 0.75 + fine * 0.25, colors)
    shaded = g.shade(color, lip * 0.6 * gutter + 0.3 + fine * 0.1)
    return Surface(shaded, arch * 0.6 + step * 0.35 * lip + fine * 0.05, 0.16, rough=0.7)


def scales(
    g: Graph, *, colors: tuple[str, ...], width: float = 0.25, shine: float = 0.3
) -> Surface:
    """Rounded shingles: each point belongs to the topmost disc that covers it."""
    low = rows(g, width=width, height=width * 0.5, shift=0.5)
    x, y = low.u - 0.5, low.v * 0.5 - 0.5
    inside = g.math("LESS_THAN", x * x + y * y, 0.25)
    # Outside its own disc a point shows the disc of the course above, half a width aside.
    side = g.math("SIGN", x)
    number = g.random(
        g.point(
            low.column + 0.5 + (1 - inside) * (side * 0.5 + 0.5) - (1 - inside) * 0.5,
            low.row + 0.5 + (1 - inside),
            0.5,
        )
    )
    reach = g.math("SQRT", x * x + y * y) * inside + (1 - inside) * 0.2
    rim = g.smooth(reach, 0.5, 0.42)
    fine = g.noise(9.0, detail=4.0)
    color = g.shade(g.ramp(number * 0.75 + fine * 0.25, colors), rim * 0.6 + 0.4)
    return Surface(color, inside * (reach * 1.6) * 0.8 + fine * 0.2, 0.06, rough=1 - shine)


def hexes(
    g: Graph, *, colors: tuple[str, ...], grout: str, width: float = 0.3, rough: float = 0.3
) -> Surface:
    """Hexagonal tiles."""
    tile = hexagons(g, width=width)
    face = g.smooth(tile.edge, width * 0.03, width * 0.12)
    shown = g.smooth(tile.edge, width * 0.03, width * 0.05)
    tone = tile.random() * 0.8 + g.noise(7.0, detail=4.0) * 0.2
    return Surface(g.mix(grout, g.ramp(tone, colors), shown), face, 0.035, rough=rough)


def patterned(g: Graph, *, colors: tuple[str, str, str], size: float = 0.5) -> Surface:
    """Cement tiles with a star and rings, mirrored in the quarters of each tile."""
    tile = rows(g, width=size, height=size)
    x, y = abs(tile.u - 0.5) * 2, abs(tile.v - 0.5) * 2
    star = g.smooth(x * y * 3 + tile.radius * (1.2 / size), 0.72, 0.66)
    corner = g.math("SQRT", (1 - x) ** 2.0 + (1 - y) ** 2.0)
    ring = g.smooth(abs(corner - 0.55), 0.12, 0.09)
    worn = g.noise(6.0, detail=5.0)
    color = g.mix(g.mix(colors[0], colors[1], ring), colors[2], star)
    face = g.smooth(tile.edge, 0.004, 0.015)
    shaded = g.shade(color, (worn * 0.3 + 0.8) * (face * 0.6 + 0.4))
    return Surface(shaded, face * 0.7 + ring * 0.15 + star * 0.15, 0.02, rough=0.45)


FULL: Table = {
    "red_brick": (bricks, {"colors": ("#5a1f14", "#94402a", "#b8664a")}),
    "white_brick": (
        bricks,
        {"colors": ("#cfcac2", "#ebe8e2", "#fbfaf7"), "mortar": "#8f8b84", "worn": 0.5},
    ),
    "stone_blocks": (
        bricks,
        {
            "colors": ("#5e5749", "#8f8672", "#b9b09a"),
            "mortar": "#3f3a31",
            "width": 0.75,
            "height": 0.36,
            "relief": 0.12,
            "worn": 0.7,
        },
    ),
    "clay_roof": (roof, {"colors": ("#7a1408", "#b02c10", "#c8481a", "#e8a040")}),
    "blue_tiles": (glazed, {"colors": ("#0c1c3c", "#1d3c74", "#3d66a6"), "grout": "#c4c8cc"}),
    "glass_mosaic": (
        glazed,
        {
            "colors": ("#0d5f66", "#3fb0a8", "#d9efe4", "#1c7fb0", "#e8c35a"),
            "grout": "#e6e4df",
            "width": 0.12,
            "height": 0.12,
            "joint": 0.008,
        },
    ),
    "hex_tiles": (hexes, {"colors": ("#d9d5cc", "#f4f2ed"), "grout": "#3a3a3a"}),
    "checker_floor": (checkered, {"light": "#ece7dc", "dark": "#16181b"}),
    "fish_scales": (scales, {"colors": ("#123f4f", "#2f8f8a", "#9fd8b8"), "shine": 0.75}),
    "cement_tiles": (patterned, {"colors": ("#e9e1cf", "#2c5d7a", "#b3532f")}),
}
OUTD: Table = {
    "yellow_brick": (
        bricks,
        {"colors": ("#a67c33", "#d2a950", "#e8ca80"), "mortar": "#6f675b", "height": 0.15},
    ),
    "subway_tiles": (
        glazed,
        {
            "colors": ("#0f5a3c", "#1f8a5a", "#4fb583"),
            "grout": "#e8e6e0",
            "width": 0.5,
            "height": 0.2,
            "shift": 0.5,
        },
    ),
    "slate_shingles": (scales, {"colors": ("#23272e", "#4a5059", "#7a808a"), "width": 0.375}),
    "terracotta_hex": (
        hexes,
        {"colors": ("#8f3f22", "#c26a40", "#e09a6a"), "grout": "#d9cbb5", "rough": 0.7},
    ),
    "violet_roof": (roof, {"colors": ("#2c2140", "#57457a", "#8a76ab"), "width": 0.3}),
    "rose_tiles": (patterned, {"colors": ("#f1d9d2", "#8c2f4a", "#3a3f52"), "size": 0.75}),
}
