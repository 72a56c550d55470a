"""Bent grids: the pieces that shapes are made of, each with a map of its surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

AROUND = 6.0
"""Units of the surface map once around, so that patterns of 6/n units close."""


@dataclass(frozen=True)
class Patch:
    """A bent grid.

    Args:
        points: `(rows, columns, 3)`.
        uv: `(rows, columns, 2)`.
    """

    points: np.ndarray
    uv: np.ndarray


@dataclass(frozen=True)
class Mesh:
    """Points, faces of k corners and the surface map of each corner.

    Args:
        points: `(n, 3)`.
        faces: `(m, k)` indices, counter-clockwise from outside.
        uv: `(m, k, 2)`.
    """

    points: np.ndarray
    faces: np.ndarray
    uv: np.ndarray


def join(patches: list[Patch]) -> Mesh:
    """Make faces of all patches; points on seams stay double."""
    points, faces, uv, first = [], [], [], 0
    for patch in patches:
        rows, columns, _ = patch.points.shape
        index = first + np.arange(rows * columns).reshape(rows, columns)
        corners = (index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1])
        quads = np.stack(corners, axis=-1).reshape(-1, 4)
        points.append(patch.points.reshape(-1, 3))
        faces.append(quads)
        uv.append(patch.uv.reshape(-1, 2)[quads - first])
        first += rows * columns
    return Mesh(np.concatenate(points), np.concatenate(faces), np.concatenate(uv))


def revolve(profile: np.ndarray, *, segments: int = 96) -> Patch:
    """Turn a line of (radius, z) about the vertical.

    Args:
        profile: `(n, 2)` from bottom to top, as seen from outside.
        segments: Steps around.
    """
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    radius, z = profile[:, :1], profile[:, 1:]
    lift = np.broadcast_to(z, (len(profile), segments + 1))
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle), lift], axis=-1)
    steps = np.linalg.norm(np.diff(profile, axis=0), axis=1)
    height = np.concatenate([[0.0], np.cumsum(steps)]) - 1
    uv = np.stack(np.meshgrid(angle * (AROUND / (2 * np.pi)), height), axis=-1)
    # On faces that look up or down the map is the plane's: no pattern runs into a point.
    flat = np.abs(np.gradient(profile[:, 1])) < 0.5 * np.abs(np.gradient(profile[:, 0]))
    return Patch(points, np.where(flat[:, None, None], points[..., :2], uv))


def tube(path: np.ndarray, radius: np.ndarray, *, segments: int = 16) -> Patch:
    """A pipe along a path in the plane y = 0.

    Args:
        path: `(n, 2)` of (x, z).
        radius: `(n,)`.
        segments: Steps around.
    """
    tangent = np.gradient(path, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    # The circle's axes: y, and the normal of the path within its plane.
    side = (radius[:, None] * np.cos(angle))[..., None] * np.array([0.0, 1.0, 0.0])
    normal = np.stack([tangent[:, 1], np.zeros(len(path)), -tangent[:, 0]], axis=-1)
    up = (radius[:, None] * np.sin(angle))[..., None] * normal[:, None]
    centre = np.stack([path[:, 0], np.zeros(len(path)), path[:, 1]], axis=-1)
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    uv = np.stack(np.meshgrid(angle * radius.mean(), along), axis=-1)
    return Patch(centre[:, None] + side + up, uv)


def polyline(*corners: tuple[float, float], bevel: float = 0.05, step: float = 0.04) -> np.ndarray:
    """A line through corners, rounded, with points at most about `step` apart.

    Args:
        *corners: (radius, z) from bottom to top.
        bevel: How far before a corner the rounding starts.
        step: Distance of points on the straight parts.
    """
    given = np.array(corners)
    parts = [given[:1]]
    for before, corner, after in zip(given[:-2], given[1:-1], given[2:], strict=True):
        start = corner + bevel * (before - corner) / np.linalg.norm(before - corner)
        end = corner + bevel * (after - corner) / np.linalg.norm(after - corner)
        t = np.linspace(0, 1, 5)[:, None]
        parts.append((1 - t) ** 2 * start + 2 * t * (1 - t) * corner + t**2 * end)
    parts.append(given[-1:])
    corners_done = np.concatenate(parts)
    dense = [corners_done[:1]]
    for a, b in zip(corners_done[:-1], corners_done[1:], strict=True):
        count = max(1, int(np.ceil(np.linalg.norm(b - a) / step)))
        dense.append(a + (b - a) * np.linspace(0, 1, count + 1)[1:, None])
    return np.concatenate(dense)
