"""Foams, sponges, rubber, cork, food and coral."""

from __future__ import annotations

from examples.clevrtex_scenes.materials.graph import Graph
from examples.clevrtex_scenes.materials.patterns import hexagons, rows
from examples.clevrtex_scenes.materials.surface import Surface, Table


def sponge(
    g: Graph, *, colors: tuple[str, str], scale: float = 6.0, relief: float = 0.14
) -> Surface:
    """Round pores of three sizes."""
    solid = None
    for k, share in ((1.0, 0.38), (2.2, 0.36), (4.5, 0.3)):
        near, _, _ = g.cells(scale * k, at=g.vector(g.rest, shift=(1.7 * k, 0.0, 0.0)))
        wall = g.smooth(near, share * 0.55, share)
        solid = wall if solid is None else solid * (wall * 0.6 + 0.4)
    assert solid is not None
    tone = solid * 0.8 + g.noise(4.0) * 0.2
    return Surface(g.ramp(tone, colors), solid, relief, rough=0.95)


def beads(g: Graph, *, colors: tuple[str, ...], scale: float = 9.0) -> Surface:
    """Packed foam beads."""
    near, _, number = g.cells(scale, randomness=0.75)
    bead = g.smooth(near, 0.7, 0.1)
    color = g.shade(g.ramp(number, colors), g.smooth(bead, 0.0, 0.4) * 0.4 + 0.6)
    return Surface(color, bead, 0.05, rough=0.6)


def studs(g: Graph, *, color: str, pitch: float = 0.25, share: float = 0.32) -> Surface:
    """Round studs on a mat."""
    cell = rows(g, width=pitch, height=pitch)
    stud = g.smooth(cell.radius, share * pitch * 1.15, share * pitch)
    fine = g.noise(20.0, detail=3.0)
    return Surface(
        g.shade(color, stud * 0.35 + 0.6 + fine * 0.15), stud * 0.9 + fine * 0.1, 0.06, rough=0.5
    )


def granules(g: Graph, *, colors: tuple[str, ...], scale: float = 13.0) -> Surface:
    """Cork or rubber crumb pressed into a block."""
    _, edge, number = g.cells(scale, at=g.warp(g.rest, 0.1, 6.0))
    crumb = g.smooth(edge, 0.0, 0.12)
    tone = number * 0.7 + g.noise(9.0, detail=4.0) * 0.3
    return Surface(
        g.shade(g.ramp(tone, colors), crumb * 0.4 + 0.6),
        crumb * 0.6 + number * 0.4,
        0.03,
        rough=0.85,
    )


def bars(g: Graph, *, color: str, size: float = 0.36, rough: float = 0.35) -> Surface:
    """Chocolate: bevelled bars with a raised frame."""
    bar = rows(g, width=size, height=size * 0.7)
    bevel = g.smooth(bar.edge, 0.01, size * 0.18)
    frame = g.smooth(abs(bar.edge - size * 0.24), 0.02, 0.008)
    bloom = g.noise(5.0, detail=4.0)
    shaded = g.shade(color, bevel * 0.5 + 0.45 + bloom * 0.2)
    return Surface(shaded, bevel * 0.85 + frame * 0.15, 0.08, rough=rough, coat=0.2)


def coral(
    g: Graph, *, colors: tuple[str, ...], scale: float = 3.0, relief: float = 0.16
) -> Surface:
    """Brain coral: winding walls between valleys."""
    wall = g.smooth(g.ridges(scale, detail=1.0, at=g.warp(g.rest, 0.2, 2.5)), 0.55, 0.95)
    fine = g.noise(24.0, detail=3.0)
    return Surface(
        g.ramp(wall * 0.75 + fine * 0.25, colors), wall * 0.85 + fine * 0.15, relief, rough=0.8
    )


def crazed(g: Graph, *, glaze: tuple[str, ...], line: str) -> Surface:
    """Ceramic under a net of hair cracks."""
    _, edge, _ = g.cells(4.5, at=g.warp(g.rest, 0.15, 4.0))
    _, finer, _ = g.cells(11.0, at=g.warp(g.rest, 0.1, 7.0))
    crack = g.math("MAXIMUM", g.smooth(edge, 0.035, 0.01), g.smooth(finer, 0.03, 0.0) * 0.6)
    color = g.mix(g.ramp(g.noise(2.0, detail=3.0), glaze), line, crack)
    return Surface(color, 1 - crack, 0.015, rough=0.12, coat=0.6)


def comb(g: Graph, *, colors: tuple[str, ...], width: float = 0.24) -> Surface:
    """Honeycomb: deep cells, some of them closed."""
    cell = hexagons(g, width=width)
    wall = g.smooth(cell.edge, width * 0.16, width * 0.05)
    lid = g.smooth(cell.random(), 0.6, 0.65)
    filled = g.math("MAXIMUM", wall, lid * 0.7)
    tone = filled * 0.8 + g.noise(8.0) * 0.2
    return Surface(g.ramp(tone, colors), filled, 0.1, rough=0.4, coat=0.2)


def stucco(
    g: Graph, *, colors: tuple[str, ...], scale: float = 6.0, relief: float = 0.08
) -> Surface:
    """Plaster thrown on and smoothed over."""
    splash = g.smooth(g.noise(scale, detail=3.0), 0.4, 0.65)
    fine = g.noise(26.0, detail=3.0)
    tone = splash * 0.6 + fine * 0.2 + g.noise(1.4) * 0.2
    return Surface(g.ramp(tone, colors), splash * 0.8 + fine * 0.2, relief, rough=0.85)


FULL: Table = {
    "yellow_sponge": (sponge, {"colors": ("#7a4f0c", "#f0c14a")}),
    "white_foam": (beads, {"colors": ("#dfe3e6", "#f6f8f9")}),
    "stud_mat": (studs, {"color": "#31363c"}),
    "cork": (granules, {"colors": ("#4f2f17", "#a3713f", "#d3a36a")}),
    "chocolate": (bars, {"color": "#3b1d10"}),
    "coral": (coral, {"colors": ("#6e1f2a", "#d0606a", "#f7b8ae")}),
    "crazed_ceramic": (crazed, {"glaze": ("#d9e6df", "#f3f7f2"), "line": "#4a3b2c"}),
    "honeycomb": (comb, {"colors": ("#3d1d04", "#b8701a", "#f0c04a")}),
    "ochre_stucco": (stucco, {"colors": ("#9c6a2a", "#cf9b4a", "#e8c27c")}),
}
OUTD: Table = {
    "pink_foam": (sponge, {"colors": ("#7c2348", "#f2a0bd"), "scale": 3.5}),
    "rubber_crumb": (granules, {"colors": ("#141414", "#2a5aa8", "#c43a2a", "#2f2f2f")}),
    "toy_bricks": (studs, {"color": "#d9a80f", "pitch": 0.375}),
    "green_coral": (coral, {"colors": ("#0f2f2a", "#2f8a5f", "#c8e8a0"), "scale": 5.0}),
    "celadon": (crazed, {"glaze": ("#5f8f7a", "#a3c9b2"), "line": "#1f2a20"}),
}
