"""Grounds: soil, sand, gravel, mud, growth, snow, lava."""

from __future__ import annotations

from examples.clevrtex_scenes.materials.graph import Graph
from examples.clevrtex_scenes.materials.surface import Surface, Table


def soil(
    g: Graph, *, colors: tuple[str, ...], stones: float = 0.3, relief: float = 0.12
) -> Surface:
    """Crumbs of several sizes with stones among them."""
    crumbs = g.noise(5.0, detail=5.0, rough=0.7)
    near, _, number = g.cells(5.0)
    stone = g.smooth(near, 0.3, 0.15) * g.smooth(number, 1 - stones, 1 - stones + 0.05)
    color = g.mix(g.ramp(crumbs, colors), g.ramp(number, ("#6a6158", "#b3a899")), stone)
    return Surface(color, crumbs * 0.6 + stone * 0.4, relief, rough=0.95)


def cracked(
    g: Graph,
    *,
    colors: tuple[str, ...],
    crack: str,
    scale: float = 2.8,
    relief: float = 0.12,
    glow: bool = False,
) -> Surface:
    """Plates that shrank apart."""
    _, edge, number = g.cells(scale, at=g.warp(g.rest, 0.12, 4.0))
    plate = g.smooth(edge, 0.015, 0.12)
    fine = g.noise(10.0, detail=5.0, rough=0.65)
    shown = g.smooth(edge, 0.05, 0.12) if glow else g.smooth(edge, 0.01, 0.05)
    color = g.mix(crack, g.ramp(number * 0.5 + fine * 0.5, colors), shown)
    return Surface(color, plate * 0.8 + fine * 0.2, relief, rough=0.9)


def ripples(g: Graph, *, colors: tuple[str, ...], pitch: float = 0.22) -> Surface:
    """Wind-blown sand: crests that fork and wander."""
    x, _, z = g.axes(g.warp(g.vector(g.rest, scale=(1.0, 0.4, 1.0)), 0.5, 1.5))
    crest = g.math("SINE", (x + z) * (6.2832 / pitch)) * 0.5 + 0.5
    grains = g.noise(45.0, detail=2.0)
    tone = crest * 0.6 + grains * 0.25 + g.noise(1.5) * 0.15
    return Surface(g.ramp(tone, colors), crest * 0.85 + grains * 0.15, 0.05, rough=0.9)


def litter(
    g: Graph, *, colors: tuple[str, ...], scale: float = 6.0, relief: float = 0.12
) -> Surface:
    """Blades, needles or leaves that lie over each other in three directions."""
    height = g.noise(2.0, detail=3.0) * 0.3
    tone = g.noise(1.2, detail=3.0) * 0.4
    for k in range(3):
        at = g.vector(
            g.warp(g.rest, 0.25, 3.0), rotate=(0.5 * k, 0.3, 1.05 * k), scale=(1.0, 0.28, 1.0)
        )
        near, _, number = g.cells(scale, at=g.vector(at, shift=(3.7 * k, 0.0, 0.0)))
        blade = g.smooth(near, 0.65, 0.1)
        height = g.math("MAXIMUM", height, blade * (number * 0.5 + 0.5))
        tone = tone + number * blade * 0.3
    color = g.shade(g.ramp(tone, colors), g.smooth(height, 0.0, 0.6) * 0.65 + 0.35)
    return Surface(color, height, relief, rough=0.85, sheen=0.1)


def cushions(
    g: Graph, *, colors: tuple[str, ...], scale: float = 3.5, relief: float = 0.14
) -> Surface:
    """Moss: soft domes covered with fibre."""
    near, _, _ = g.cells(scale, at=g.warp(g.rest, 0.2, 3.0))
    dome = g.smooth(near, 0.8, 0.1)
    fibre = g.noise(22.0, detail=3.0, rough=0.7)
    tone = dome * 0.5 + fibre * 0.5
    return Surface(g.ramp(tone, colors), dome * 0.7 + fibre * 0.3, relief, rough=1.0, sheen=0.3)


def drifts(
    g: Graph, *, colors: tuple[str, ...], rough: float = 0.6, relief: float = 0.12
) -> Surface:
    """Snow or salt: gentle drifts with sparkling grain."""
    drift = g.noise(1.8, detail=2.0)
    grain = g.noise(30.0, detail=3.0, rough=0.7)
    crust = g.smooth(g.noise(5.0, detail=4.0), 0.4, 0.7)
    tone = drift * 0.4 + grain * 0.3 + crust * 0.3
    return Surface(
        g.ramp(tone, colors), drift * 0.6 + crust * 0.2 + grain * 0.2, relief, rough=rough
    )


FULL: Table = {
    "forest_floor": (litter, {"colors": ("#26380c", "#57782a", "#93a845", "#b59a5a")}),
    "soil": (soil, {"colors": ("#1c110a", "#45301f", "#7a5a3e")}),
    "gravel": (soil, {"colors": ("#3f3c38", "#77726a", "#aaa498"), "stones": 0.85}),
    "cracked_mud": (cracked, {"colors": ("#8a6a4a", "#b89a75", "#cfb795"), "crack": "#24170d"}),
    "sand_ripples": (ripples, {"colors": ("#9c7440", "#d1a968", "#f0d8a4")}),
    "moss": (cushions, {"colors": ("#101c06", "#35521a", "#7c9a3a")}),
    "snow": (drifts, {"colors": ("#b9c7d8", "#e9eff5", "#ffffff")}),
    "lava": (
        cracked,
        {"colors": ("#120a08", "#2b1a15", "#4a2f26"), "crack": "#ff4a08", "glow": True},
    ),
    "straw": (litter, {"colors": ("#6a4d18", "#b8933f", "#ecd58e"), "scale": 8.0}),
}
OUTD: Table = {
    "autumn_leaves": (
        litter,
        {"colors": ("#3a0f06", "#a3380f", "#e08a1c", "#f0c848"), "scale": 3.2, "relief": 0.16},
    ),
    "salt_flat": (
        cracked,
        {"colors": ("#d9d4cf", "#f3f0ec", "#ffffff"), "crack": "#b59f93", "scale": 1.8},
    ),
    "red_dune": (ripples, {"colors": ("#5f1f0c", "#a8431c", "#dd7f45"), "pitch": 0.4}),
    "blue_ice": (
        drifts,
        {"colors": ("#2d6f96", "#86bdd6", "#e4f3f8"), "rough": 0.15, "relief": 0.08},
    ),
}
