"""Shapes: closed, facing outwards, of the volume that their formula has, standing on z = -1."""

import numpy as np
import pytest

from examples.clevrtex_scenes.grids import Mesh, join
from examples.clevrtex_scenes.meshes import SHAPES, ground

# pi r^2 h / 3 with rounded rims is a little less, and so on.
VOLUMES = {
    "cube": 8.0,
    "sphere": 4 / 3 * np.pi,
    "cylinder": 2 * np.pi,
    "cone": 2 / 3 * np.pi,
    "torus": 2 * np.pi**2 * 0.58 * 0.42**2,
}


def welded(mesh: Mesh) -> np.ndarray:
    """Faces with the points of seams made one."""
    _, index = np.unique(mesh.points.round(5) + 0.0, axis=0, return_inverse=True)
    return index.ravel()[mesh.faces]


def volume(mesh: Mesh) -> float:
    a, b, c, d = (mesh.points[mesh.faces[:, k]] for k in range(4))
    cones = np.sum(a * np.cross(b, c), axis=1) + np.sum(a * np.cross(c, d), axis=1)
    return float(cones.sum() / 6)


@pytest.mark.parametrize("name", SHAPES)
def test_shape_is_closed_and_stands(name: str) -> None:
    mesh = join(SHAPES[name]())
    assert mesh.points[:, 2].min() == pytest.approx(-1, abs=1e-6)
    assert np.abs(mesh.points).max() <= 1.07
    faces = welded(mesh)
    edges = np.stack([faces, np.roll(faces, -1, axis=1)], axis=-1).reshape(-1, 2)
    edges = edges[edges[:, 0] != edges[:, 1]]
    # Every edge is walked once in either direction, but for the open ends of spout and handle.
    forth = {tuple(edge) for edge in edges.tolist()}
    lonely = [edge for edge in forth if edge[::-1] not in forth]
    assert len(forth) == len(edges)
    assert len(lonely) == (4 * 16 if name == "teapot" else 0)


@pytest.mark.parametrize("name", VOLUMES)
def test_volume_is_the_formulas(name: str) -> None:
    assert volume(join(SHAPES[name]())) == pytest.approx(VOLUMES[name], rel=0.03)


def test_icosahedron_is_regular_but_for_its_scale() -> None:
    mesh = join(SHAPES["icosahedron"]())
    width, depth, height = np.ptp(mesh.points, axis=0)
    assert volume(mesh) > 0.6 * width * depth * height * np.pi / 6


def test_ground_is_level_under_the_scene_and_rises_behind() -> None:
    mesh = join(ground())
    near = np.linalg.norm(mesh.points[:, :2], axis=1) < 6
    assert near.sum() > 1000 and np.all(mesh.points[near, 2] == 0)
    assert mesh.points[:, 2].max() > 8
    a, b, c, _ = (mesh.points[mesh.faces[:, k]] for k in range(4))
    facing_up = np.cross(b - a, c - a)[:, 2] > -1e-9
    assert facing_up.all()
    # The map keeps lengths: textures are not stretched on the level part.
    level = mesh.points[mesh.faces][:, :, 2].max(axis=1) == 0
    np.testing.assert_allclose(mesh.uv[level], mesh.points[mesh.faces[level]][..., :2], atol=1e-9)
