"""Metals: brushed, hammered, rusty, pressed into plates, linked into mail."""

from __future__ import annotations

from examples.clevrtex_scenes.materials.graph import Graph
from examples.clevrtex_scenes.materials.patterns import rows
from examples.clevrtex_scenes.materials.surface import Surface, Table


def brushed(g: Graph, *, colors: tuple[str, ...], rough: float = 0.3) -> Surface:
    """Fine parallel scratches."""
    scratch = g.noise(12.0, detail=4.0, at=g.vector(g.uv, scale=(0.1, 3.0, 1.0)))
    return Surface(
        g.ramp(scratch, colors), scratch, 0.012, rough=scratch * 0.3 + (rough - 0.1), metal=1.0
    )


def hammered(g: Graph, *, colors: tuple[str, ...], scale: float = 6.0) -> Surface:
    """Round dents side by side."""
    near, _, number = g.cells(scale, randomness=0.8)
    dent = g.smooth(near, 0.0, 0.75)
    tone = dent * 0.7 + number * 0.3
    return Surface(g.ramp(tone, colors), dent, 0.05, rough=0.4, metal=1.0)


def corroded(
    g: Graph, *, metal: str, crust: tuple[str, ...], share: float = 0.5, relief: float = 0.05
) -> Surface:
    """Bare metal under patches of rust or verdigris."""
    fine = g.noise(12.0, detail=5.0, rough=0.65)
    patch = g.noise(2.0, detail=5.0, rough=0.62)
    covered = g.smooth(patch, 0.58 - share * 0.4, 0.68 - share * 0.4)
    color = g.mix(metal, g.ramp(fine, crust), covered)
    return Surface(
        color, covered * (fine * 0.7 + 0.3), relief, rough=covered * 0.5 + 0.35, metal=1 - covered
    )


def tread(g: Graph, *, color: str, pitch: float = 0.25) -> Surface:
    """Floor plate: raised lozenges, turned in every other square."""
    square = rows(g, width=pitch, height=pitch)
    odd = g.math("FLOORED_MODULO", square.column + square.row, 2.0)
    x, y = square.u - 0.5, square.v - 0.5
    along = x + y * (1 - odd * 2)
    across = x - y * (1 - odd * 2)
    lozenge = along * along * 1.1 + across * across * 14
    raised = g.smooth(lozenge, 0.6, 0.35)
    scuff = g.noise(9.0, detail=5.0)
    color_value = g.shade(color, scuff * 0.35 + 0.6 + raised * 0.15)
    return Surface(color_value, raised, 0.045, rough=scuff * 0.2 + 0.25, metal=1.0)


def corrugated(g: Graph, *, color: str, stain: str, pitch: float = 0.2) -> Surface:
    """Waves in one direction, with stains running down."""
    x, _, _ = g.axes(g.uv)
    wave = g.math("SINE", x * (6.2832 / pitch)) * 0.5 + 0.5
    run = g.noise(4.0, detail=4.0, at=g.vector(g.uv, scale=(2.0, 0.35, 1.0)))
    stained = g.smooth(run, 0.5, 0.75)
    return Surface(
        g.shade(g.mix(color, stain, stained), wave * 0.5 + 0.5),
        wave,
        0.07,
        rough=stained * 0.4 + 0.35,
        metal=0.8 - stained * 0.8,
    )


def perforated(g: Graph, *, color: str, pitch: float = 0.15, hole: float = 0.3) -> Surface:
    """Sheet with a grid of holes."""
    cell = rows(g, width=pitch, height=pitch * 0.87, shift=0.5)
    sheet = g.smooth(cell.radius, (hole - 0.05) * pitch, hole * pitch)
    color_value = g.mix("#050505", g.ramp(g.noise(4.0, detail=4.0), (color, "#ffffff")), sheet)
    return Surface(color_value, sheet, 0.05, rough=0.35, metal=sheet * 0.8)


def mail(g: Graph, *, color: str, pitch: float = 0.16) -> Surface:
    """Rings linked row by row."""
    cell = rows(g, width=pitch, height=pitch * 0.6, shift=0.5)
    other = rows(
        g,
        width=pitch,
        height=pitch * 0.6,
        shift=0.5,
        at=g.vector(g.uv, shift=(0.0, pitch * 0.3, 0.0)),
    )
    ring = g.smooth(abs(cell.radius - pitch * 0.36), pitch * 0.14, pitch * 0.02)
    linked = g.smooth(abs(other.radius - pitch * 0.36), pitch * 0.14, pitch * 0.02)
    height = g.math("MAXIMUM", ring, linked * 0.8)
    return Surface(g.shade(color, height * 0.9 + 0.04), height, 0.05, rough=0.35, metal=0.9)


def spangled(g: Graph, *, colors: tuple[str, ...]) -> Surface:
    """Zinc: flat crystals that each reflect differently."""
    _, edge, number = g.cells(5.0, at=g.warp(g.rest, 0.1, 6.0))
    height = number * 0.6 + g.smooth(edge, 0.0, 0.05) * 0.4
    return Surface(g.ramp(number, colors), height, 0.012, rough=number * 0.3 + 0.25, metal=0.9)


def painted(g: Graph, *, paint: str, under: tuple[str, ...], share: float = 0.35) -> Surface:
    """Paint that flakes off."""
    flake = g.noise(2.4, detail=5.0, rough=0.6, at=g.warp(g.rest, 0.25, 3.0))
    kept = g.smooth(flake, share, share + 0.03)
    fine = g.noise(14.0, detail=3.0)
    color = g.mix(g.ramp(fine, under), g.shade(paint, fine * 0.3 + 0.8), kept)
    return Surface(color, kept * 0.8 + fine * 0.2, 0.035, rough=0.75 - kept * 0.4)


FULL: Table = {
    "brushed_steel": (brushed, {"colors": ("#9a9da1", "#d4d6d9")}),
    "hammered_copper": (hammered, {"colors": ("#7c3a20", "#d8825a", "#f0b090")}),
    "gold_foil": (hammered, {"colors": ("#a9741c", "#ecc25a", "#fbe39a"), "scale": 4.5}),
    "rusty_iron": (
        corroded,
        {"metal": "#6e6a66", "crust": ("#2c110a", "#7f3616", "#c5702c"), "share": 0.75},
    ),
    "verdigris_bronze": (
        corroded,
        {"metal": "#6b4a22", "crust": ("#1f5f52", "#4fa58c", "#9fd6bf"), "share": 0.6},
    ),
    "tread_plate": (tread, {"color": "#b9bcc0"}),
    "corrugated_iron": (corrugated, {"color": "#a7adb2", "stain": "#8a4a20"}),
    "perforated_sheet": (perforated, {"color": "#8f959b"}),
    "chain_mail": (mail, {"color": "#aeb1b5"}),
    "flaking_blue": (painted, {"paint": "#2f6aa3", "under": ("#3a1c10", "#8a4a26")}),
}
OUTD: Table = {
    "galvanised": (spangled, {"colors": ("#6f7880", "#aeb8bf", "#dfe6ea")}),
    "hammered_pewter": (hammered, {"colors": ("#3a3d42", "#74787f", "#a5a9b0"), "scale": 4.0}),
    "flaking_green": (
        painted,
        {"paint": "#4f8a5b", "under": ("#8f8a80", "#d9d2c4"), "share": 0.45},
    ),
    "brass_grid": (perforated, {"color": "#c99a3a", "pitch": 0.3, "hole": 0.38}),
}
