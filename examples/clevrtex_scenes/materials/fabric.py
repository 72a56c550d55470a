"""Fabrics: woven, knitted, quilted, piled; and leather."""

from __future__ import annotations

from examples.clevrtex_scenes.materials.graph import Graph, Value
from examples.clevrtex_scenes.materials.patterns import rows, threads
from examples.clevrtex_scenes.materials.surface import Surface, Table


def woven(
    g: Graph,
    *,
    warp: str,
    weft: str,
    width: float = 0.05,
    twill: int = 1,
    relief: float = 0.02,
    uneven: float = 0.4,
) -> Surface:
    """Threads of two colours over and under each other."""
    height, over, piece = threads(g, width=width, twill=twill)
    along = g.random(g.point(piece.row + 0.5, over * 9, 0.5))
    tone = along * uneven + (1.05 - uneven) + g.noise(3.0, detail=3.0) * 0.2 - 0.1
    color = g.shade(g.mix(warp, weft, over), tone * (height * 0.7 + 0.3))
    return Surface(color, height, relief, rough=0.9, sheen=0.3)


def stripes(
    g: Graph, *, colors: tuple[str, ...], pitch: float = 0.75, plaid: bool = False
) -> Surface:
    """Coloured bands; a plaid has them both ways, mixed thread by thread."""
    height, over, _ = threads(g, width=0.04, twill=2)
    x, y, _ = g.axes(g.uv)

    def bands(place: Value) -> Value:
        node = g.ramp(g.math("FRACT", place / pitch), (*colors, colors[0]))
        node.socket.node.color_ramp.interpolation = "CONSTANT"
        return node

    color = g.mix(bands(x), bands(y), over) if plaid else bands(y)
    return Surface(g.shade(color, height * 0.6 + 0.4), height, 0.02, rough=0.9, sheen=0.3)


def herringbone(g: Graph, *, light: str, dark: str, width: float = 0.375) -> Surface:
    """Twill whose diagonal turns with every column."""
    column = rows(g, width=width, height=1.0)
    x, y, _ = g.axes(g.uv)
    zigzag = abs(column.u - 0.5) * width * 1.6
    line = g.math("SINE", (y + zigzag) * 52.36) * 0.5 + 0.5
    fibre = g.noise(40.0, detail=2.0)
    color = g.mix(dark, light, g.smooth(line * 0.75 + fibre * 0.25, 0.4, 0.6))
    return Surface(color, line * 0.8 + fibre * 0.2, 0.025, rough=0.95, sheen=0.3)


def knit(g: Graph, *, color: str, width: float = 0.15, relief: float = 0.07) -> Surface:
    """Stockinette: columns of V-shaped stitches."""
    column = rows(g, width=width, height=width * 0.75)
    side = abs(column.u - 0.5) * 2
    _, y, _ = g.axes(g.uv)
    place = g.math("FRACT", y / (width * 0.75) + side * 0.7)
    strand = (1 - (place * 2 - 1) ** 2.0) * (1 - (abs(side * 2 - 1)) ** 3.0)
    fibre = g.noise(35.0, detail=2.0)
    tone = strand * 0.75 + fibre * 0.25
    return Surface(g.shade(color, tone * 1.1 + 0.1), tone, relief, rough=0.95, sheen=0.5)


def quilted(g: Graph, *, color: str, pitch: float = 0.42, seam: str = "#202020") -> Surface:
    """Padded lozenges between seams."""
    turned = g.vector(g.uv, rotate=(0.0, 0.0, 0.7854))
    pad = rows(g, width=pitch, height=pitch, at=turned)
    bulge = g.math("POWER", g.smooth(pad.edge, 0.0, pitch * 0.5), 0.6)
    weave, _, _ = threads(g, width=0.035)
    line = g.smooth(pad.edge, 0.012, 0.006)
    shaded = g.shade(color, bulge * 0.5 + 0.4 + weave * 0.15)
    return Surface(g.mix(shaded, seam, line), bulge * 0.9 + weave * 0.1, 0.12, rough=0.7, sheen=0.3)


def pile(
    g: Graph, *, colors: tuple[str, ...], relief: float = 0.07, scale: float = 14.0
) -> Surface:
    """Carpet or fur: tufts with shadows between them."""
    near, _, number = g.cells(scale, at=g.warp(g.rest, 0.06, 12.0))
    tuft = g.smooth(near, 0.7, 0.05)
    patch = g.noise(2.0, detail=2.0)
    tone = patch * 0.4 + number * 0.3 + tuft * 0.3
    color = g.shade(g.ramp(tone, colors), tuft * 0.75 + 0.25)
    return Surface(color, tuft, relief, rough=1.0, sheen=0.6)


def leather(
    g: Graph, *, colors: tuple[str, ...], scale: float = 14.0, relief: float = 0.03
) -> Surface:
    """Grain of small cushions between creases."""
    _, edge, number = g.cells(scale, at=g.warp(g.rest, 0.12, 4.0))
    cushion = g.smooth(edge, 0.0, 0.25)
    tone = g.noise(2.0, detail=4.0) * 0.5 + cushion * 0.35 + number * 0.15
    return Surface(g.ramp(tone, colors), cushion, relief, rough=0.4, coat=0.1)


FULL: Table = {
    "linen": (woven, {"warp": "#b3a27c", "weft": "#e6dcc4", "width": 0.075, "relief": 0.03}),
    "denim": (woven, {"warp": "#dfe5ec", "weft": "#1f3a66", "width": 0.04, "twill": 2}),
    "burlap": (
        woven,
        {"warp": "#8a6a3c", "weft": "#b08c55", "width": 0.09, "relief": 0.05, "uneven": 0.6},
    ),
    "tartan": (
        stripes,
        {"colors": ("#a01818", "#a01818", "#123a24", "#101828", "#d8c040"), "plaid": True},
    ),
    "herringbone_tweed": (herringbone, {"light": "#b9b2a3", "dark": "#26221e"}),
    "red_knit": (knit, {"color": "#b3202a", "width": 0.2}),
    "quilt": (quilted, {"color": "#7b8fae"}),
    "carpet": (pile, {"colors": ("#39122b", "#7c2a56", "#b65a86")}),
    "brown_leather": (leather, {"colors": ("#241007", "#7a4223", "#a8683c")}),
    "sheepskin": (
        pile,
        {"colors": ("#b9ad97", "#e8dfcd", "#fbf6ea"), "relief": 0.12, "scale": 9.0},
    ),
}
OUTD: Table = {
    "canvas": (woven, {"warp": "#5f6b46", "weft": "#7d8a5c", "width": 0.06}),
    "houndstooth": (woven, {"warp": "#f2efe8", "weft": "#141414", "width": 0.12, "twill": 2}),
    "deckchair": (stripes, {"colors": ("#f3efe2", "#e0701e", "#f3efe2", "#1f6f8b")}),
    "green_knit": (knit, {"color": "#2f7d4a", "width": 0.24, "relief": 0.1}),
    "crocodile": (
        leather,
        {"colors": ("#0d1a10", "#27452c", "#5f7d4f"), "scale": 5.0, "relief": 0.07},
    ),
}
