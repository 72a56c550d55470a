"""Shapes as grids of points, made from formulas.

A shape fits the cube from -1 to 1 and stands on z = -1, so that scaled by r and lifted by r it
stands on the ground. Each is a list of patches, bent grids with a surface map (`uv`, in units of
the shape); seams between patches are welded when Blender's mesh is made. Fine grids, because the
renderer moves the points by the relief of the material.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from examples.clevrtex_scenes.camera import POSITION
from examples.clevrtex_scenes.grids import AROUND, Patch, polyline, revolve, tube


def cube(*, bevel: float = 0.06, inner: int = 36) -> list[Patch]:
    """Edges of length 2, rounded."""
    ends = np.linspace(1 - bevel, 1, 4)[1:]
    line = np.concatenate([-ends[::-1], np.linspace(-1 + bevel, 1 - bevel, inner), ends])
    a, b = np.meshgrid(line, line)
    patches = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            outer = np.empty((*a.shape, 3))
            outer[..., axis] = sign
            # The order of the other two axes decides which side is outside.
            first, second = ((axis + 1) % 3, (axis + 2) % 3)[:: int(sign)]
            outer[..., first], outer[..., second] = a, b
            core = np.clip(outer, -1 + bevel, 1 - bevel)
            push = outer - core
            points = core + bevel * push / np.linalg.norm(push, axis=-1, keepdims=True)
            flat = np.stack([a, b], axis=-1)
            upright = flat if axis == 2 or second == 2 else flat[..., ::-1]
            patches.append(Patch(points, upright))
    return patches


def sphere() -> list[Patch]:
    """Radius 1; the map's height counts from the equator."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, 73)
    patch = revolve(np.stack([np.cos(angle), np.sin(angle)], axis=-1), segments=144)
    turn = np.linspace(0, AROUND, 145)
    return [Patch(patch.points, np.stack(np.meshgrid(turn, angle * 3 / np.pi), axis=-1))]


def cylinder() -> list[Patch]:
    """Radius 1, height 2."""
    return [revolve(polyline((0, -1), (1, -1), (1, 1), (0, 1)), segments=144)]


def cone() -> list[Patch]:
    """Radius 1 at the ground, height 2."""
    return [revolve(polyline((0, -1), (1, -1), (0, 1)), segments=144)]


def torus(*, tube_radius: float = 0.42) -> list[Patch]:
    """A ring that lies on the ground."""
    turn, angle = np.linspace(0, 2 * np.pi, 145), np.linspace(0, 2 * np.pi, 65)
    reach = 1 - tube_radius + tube_radius * np.cos(angle)[:, None]
    z = np.broadcast_to(tube_radius * (np.sin(angle) + 1)[:, None] - 1, (65, 145))
    points = np.stack([reach * np.cos(turn), reach * np.sin(turn), z], axis=-1)
    scale = AROUND / (2 * np.pi)
    return [Patch(points, np.stack(np.meshgrid(turn * scale, angle * tube_radius), axis=-1))]


def icosahedron(*, steps: int = 12) -> list[Patch]:
    """Twenty triangles, standing on one of them; each is a grid whose last row is one point."""
    golden = (1 + 5**0.5) / 2
    corners = np.array([(0, a, b * golden) for a in (-1, 1) for b in (-1, 1)], dtype=float)
    corners = np.concatenate([np.roll(corners, k, axis=1) for k in range(3)])
    apart = np.linalg.norm(corners[:, None] - corners, axis=-1)
    touching = np.isclose(apart, 2.0)
    triangles = [
        (i, j, k)
        for i in range(12)
        for j in range(i)
        for k in range(j)
        if touching[i, j] and touching[j, k] and touching[i, k]
    ]
    down = corners[list(triangles[0])].mean(axis=0)
    corners = corners @ _rotation(down / np.linalg.norm(down), np.array([0.0, 0.0, -1.0])).T
    corners /= -corners[:, 2].min()
    corners /= np.abs(corners[:, :2]).max()
    corners[:, 2] += -1 - corners[:, 2].min()
    patches = []
    centre = corners.mean(axis=0)
    t, s = np.meshgrid(np.linspace(0, 1, steps + 1), np.linspace(0, 1, steps + 1))
    for triangle in triangles:
        p, q, r = corners[list(triangle)]
        if np.dot(np.cross(q - p, r - p), p - centre) < 0:
            q, r = r, q
        width = (1 - s) * t
        points = p + width[..., None] * (q - p) + s[..., None] * (r - p)
        side = np.linalg.norm(q - p)
        patches.append(Patch(points, side * np.stack([width + s / 2, s * 3**0.5 / 2], axis=-1)))
    return patches


def teapot() -> list[Patch]:
    """A body with lid and knob, a spout and a handle."""
    profile = polyline(
        *((0, -1), (0.42, -1), (0.66, -0.6), (0.66, -0.25), (0.42, 0.12), (0.36, 0.16)),
        *((0.1, 0.28), (0.13, 0.4), (0.0, 0.45)),
        bevel=0.1,
    )
    t = np.linspace(0, 1, 33)[:, None]
    start, bend, end = (np.array(p) for p in ((0.45, -0.62), (0.85, -0.5), (0.98, 0.08)))
    spout = (1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end
    angle = np.linspace(0.35 * np.pi, 1.6 * np.pi, 33)
    handle = np.stack([-0.62 + 0.3 * np.cos(angle), -0.32 + 0.32 * np.sin(angle)], axis=-1)
    return [
        revolve(profile),
        tube(spout, np.linspace(0.2, 0.08, 33)),
        tube(handle, np.full(33, 0.075)),
    ]


def ground(*, flat: float = 7.0, bend: float = 9.0) -> list[Patch]:
    """A floor that curves up into a wall behind, seen from the camera; finest in front of it.

    Args:
        flat: How far behind the origin the floor stays level, in world units.
        bend: Radius of the curve.
    """
    forward = -np.array(POSITION[:2]) / np.hypot(*POSITION[:2])
    aside = np.array([forward[1], -forward[0]])
    near, curve = np.arange(-9.0, flat, 0.1), np.linspace(flat, flat + bend * np.pi / 2, 60)
    along, across = np.concatenate([near, curve]), np.linspace(-1, 1, 201)
    # Rows spread with their distance, as the view does.
    reach = across * (6.0 + 0.75 * (along + 9.0))[:, None]
    turn = np.clip((along - flat) / bend, 0, None)[:, None]
    forward_part = np.minimum(along, flat)[:, None] + bend * np.sin(turn)
    rise = np.broadcast_to(bend * (1 - np.cos(turn)), reach.shape)
    xy = forward_part[..., None] * forward + reach[..., None] * aside
    uv = np.broadcast_to(along[:, None, None] * forward, xy.shape) + reach[..., None] * aside
    return [Patch(np.concatenate([xy, rise[..., None]], axis=-1), uv)]


def _rotation(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The shortest rotation of one unit vector onto another, which is not its opposite."""
    axis = np.cross(source, target)
    skew = np.cross(np.eye(3), axis)
    return np.eye(3) + skew + skew @ skew / (1 + source @ target)


SHAPES: dict[str, Callable[[], list[Patch]]] = {
    "cube": cube,
    "sphere": sphere,
    "cylinder": cylinder,
    "cone": cone,
    "icosahedron": icosahedron,
    "torus": torus,
    "teapot": teapot,
}
"""All shapes but the monkey, which is Blender's own."""
