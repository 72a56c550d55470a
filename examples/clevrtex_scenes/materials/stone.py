"""Stones: veined, speckled, layered, rough, and laid as pebbles or walls."""

from __future__ import annotations

from examples.clevrtex_scenes.materials.graph import Graph
from examples.clevrtex_scenes.materials.surface import Surface, Table


def marble(g: Graph, *, ground: tuple[str, ...], vein: str, scale: float = 1.3) -> Surface:
    """Polished stone with winding veins of two widths."""
    at = g.warp(g.rest, 0.9, 1.1)
    broad = g.smooth(g.ridges(scale, detail=3.0, at=at), 0.86, 1.0)
    fine = g.smooth(g.ridges(2.6 * scale, detail=3.0, at=at), 0.9, 1.0)
    vein_share = g.math("MAXIMUM", broad, fine * 0.6)
    color = g.mix(g.ramp(g.noise(1.5, detail=3.0), ground), vein, vein_share)
    return Surface(color, 1 - vein_share * 0.5, 0.015, rough=0.15, coat=0.3)


def speckled(
    g: Graph, *, colors: tuple[str, ...], scale: float = 16.0, rough: float = 0.35
) -> Surface:
    """Granite: crystals of a few colours."""
    _, _, number = g.cells(scale, at=g.warp(g.rest, 0.08, 8.0))
    _, _, finer = g.cells(2.2 * scale)
    tone = g.math("FRACT", number + finer * 0.45)
    return Surface(g.ramp(tone, colors), tone * 0.5 + g.noise(25.0) * 0.5, 0.02, rough=rough)


def layered(
    g: Graph, *, colors: tuple[str, ...], layers: float = 3.0, relief: float = 0.07
) -> Surface:
    """Sediment: bands along the vertical, weathered at different depths."""
    _, y, z = g.axes(g.warp(g.rest, 0.35, 1.3))
    band = g.noise(layers, detail=5.0, rough=0.65, at=g.point(0.0, y * 0.12, z))
    grit = g.noise(30.0, detail=2.0)
    return Surface(
        g.ramp(band * 0.85 + grit * 0.15, colors), band * 0.75 + grit * 0.25, relief, rough=0.85
    )


def rock(
    g: Graph,
    *,
    colors: tuple[str, ...],
    scale: float = 2.2,
    relief: float = 0.2,
    rough: float = 0.85,
) -> Surface:
    """Broken rock: big lumps with sharp creases."""
    lumps = g.noise(scale, detail=5.0, rough=0.6, at=g.warp(g.rest, 0.3, 2.0))
    crease = abs(g.noise(scale * 1.3, detail=4.0) * 2 - 1)
    height = lumps * 0.6 + g.smooth(crease, 0.0, 0.3) * 0.4
    tone = height * 0.6 + g.noise(9.0, detail=4.0) * 0.4
    return Surface(g.ramp(tone, colors), height, relief, rough=rough)


def pitted(g: Graph, *, colors: tuple[str, ...], holes: float = 9.0, share: float = 0.3) -> Surface:
    """Cast or porous stone: a flat face with holes of two sizes."""
    near, _, _ = g.cells(holes, at=g.warp(g.rest, 0.1, 5.0))
    tiny, _, _ = g.cells(3.1 * holes)
    patches = g.noise(1.6, detail=3.0)
    face = g.smooth(near, share * 0.6, share) * 0.8 + g.smooth(tiny, 0.15, 0.3) * 0.2
    tone = patches * 0.5 + g.noise(12.0, detail=4.0) * 0.5
    return Surface(g.shade(g.ramp(tone, colors), face * 0.6 + 0.4), face, 0.06, rough=0.9)


def pebbles(
    g: Graph,
    *,
    colors: tuple[str, ...],
    joint: str,
    scale: float = 4.5,
    relief: float = 0.12,
    gap: float = 0.06,
    rough: float = 0.55,
) -> Surface:
    """Rounded stones, each of one colour, in a bed."""
    _, edge, number = g.cells(scale, randomness=0.85)
    stone = g.math("SQRT", g.smooth(edge, gap * 0.5, 0.42))
    grain = g.noise(18.0, detail=3.0)
    color = g.ramp(number * 0.8 + grain * 0.2, colors)
    shown = g.smooth(edge, gap * 0.5, gap * 1.5)
    return Surface(g.mix(joint, color, shown), stone * 0.92 + grain * 0.08, relief, rough=rough)


def chips(g: Graph, *, colors: tuple[str, ...], bed: str, scale: float = 7.0) -> Surface:
    """Terrazzo: angular chips ground flat in cement."""
    _, edge, number = g.cells(scale)
    chip = g.smooth(edge, 0.05, 0.1) * g.smooth(g.random_like(number), 0.25, 0.3)
    color = g.mix(bed, g.ramp(number, colors), chip)
    return Surface(color, chip * 0.4 + g.noise(20.0) * 0.6, 0.012, rough=0.25, coat=0.3)


FULL: Table = {
    "white_marble": (marble, {"ground": ("#d9d9da", "#f7f6f4"), "vein": "#6d7078"}),
    "black_marble": (marble, {"ground": ("#0b0b0d", "#1d1d20"), "vein": "#d9d4c8"}),
    "green_marble": (marble, {"ground": ("#0f2d20", "#2a5a40"), "vein": "#a9c9ae", "scale": 2.0}),
    "pink_granite": (speckled, {"colors": ("#2a2424", "#c98f80", "#e3b6a6", "#a7a09b")}),
    "grey_granite": (
        speckled,
        {"colors": ("#151515", "#8d8d8d", "#c4c4c4", "#5a5a5c"), "scale": 22.0},
    ),
    "sandstone": (layered, {"colors": ("#8a5a35", "#c4905c", "#e0bd8c", "#b87847")}),
    "limestone": (rock, {"colors": ("#7b7264", "#c7bda8", "#ece4d2")}),
    "basalt": (rock, {"colors": ("#0e0e10", "#2b2c2f", "#56575a"), "scale": 3.4}),
    "concrete": (pitted, {"colors": ("#77756f", "#9c9a93", "#b7b4ac")}),
    "pebbles": (
        pebbles,
        {"colors": ("#4a4440", "#8f8577", "#c7bca9", "#77604c"), "joint": "#2b241d"},
    ),
    "cobblestone": (
        pebbles,
        {
            "colors": ("#4f5358", "#767a7e", "#94969a"),
            "joint": "#3d372e",
            "scale": 2.8,
            "relief": 0.16,
        },
    ),
    "terrazzo": (
        chips,
        {"colors": ("#b5533c", "#e8e3d8", "#3f5d63", "#d9a65a"), "bed": "#d8d2c6"},
    ),
    "canyon_rock": (rock, {"colors": ("#2e1a10", "#7a4528", "#b97b4c", "#e6c49a"), "scale": 1.5}),
}
OUTD: Table = {
    "red_jasper": (marble, {"ground": ("#5a140c", "#9c2c18"), "vein": "#e9c9a0", "scale": 2.4}),
    "blue_slate": (layered, {"colors": ("#1b2530", "#3c4c5e", "#65788c"), "layers": 6.0}),
    "travertine": (pitted, {"colors": ("#b49a78", "#d9c6a6", "#efe3cb"), "holes": 5.0}),
    "agate": (
        layered,
        {"colors": ("#1c3a52", "#dfe9ec", "#3f86a0", "#f3efe6", "#16293c"), "layers": 1.6},
    ),
    "river_stones": (
        pebbles,
        {
            "colors": ("#33413f", "#8fa39c", "#d6d8cf", "#9a6a55"),
            "joint": "#1a1f1e",
            "scale": 3.0,
            "rough": 0.2,
        },
    ),
}
