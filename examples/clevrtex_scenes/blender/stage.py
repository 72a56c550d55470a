"""Builds a described scene in Blender: meshes, camera, lamps, materials."""

from __future__ import annotations

from functools import cache

import bmesh  # pyright: ignore[reportMissingImports]
import bpy  # pyright: ignore[reportMissingImports]
import numpy as np
from mathutils import Euler, Matrix, Vector  # pyright: ignore[reportMissingImports]

from examples.clevrtex_scenes import camera, materials, meshes
from examples.clevrtex_scenes.grids import Mesh, join
from examples.clevrtex_scenes.scene import Scene
from examples.clevrtex_scenes.variants import COLORS, find_variant

GROUND = "ground"
GROUND_TEXTURE_SCALE = 0.6
"""The ground shows a texture larger than a unit shape does."""
# Watts, edge length and colour of the area lamps.
LAMPS = {
    "key": (392.7, 0.5, (1.0, 0.932, 0.867)),
    "back": (274.9, 1.0, (1.0, 1.0, 1.0)),
    "fill": (157.1, 0.2, (0.762, 0.818, 1.0)),
}
SUN_STRENGTH, SUN_ANGLE, SUN_ROTATION = 0.85, 0.199, (0.236, 0.417, 0.097)
MERGE_DISTANCE = 1e-4
MONKEY_SCALE = 0.733
"""Blender's Suzanne, turned by 45 degrees, then is 2 wide."""


def build_shapes(scene: Scene) -> None:
    """Empty Blender and put ground, objects and camera in it, without materials or lamps.

    Args:
        scene: What to build; object k of the list is named by its label, "1", "2", …
    """
    bpy.ops.wm.read_factory_settings(use_empty=True)
    _add_mesh(GROUND, _ground())
    for label, item in enumerate(scene.objects, start=1):
        thing = _add_mesh(str(label), _shape(item.shape))
        thing.location, thing.scale = item.position, (item.radius,) * 3
        thing.rotation_euler = (0.0, 0.0, np.deg2rad(item.rotation))
    data = bpy.data.cameras.new("camera")
    data.lens, data.sensor_width = camera.LENS, camera.SENSOR
    eye = _add("camera", data)
    eye.location = scene.camera.position
    eye.rotation_euler = Matrix(scene.camera.axes.T.tolist()).to_euler()
    bpy.context.scene.camera = eye


def light_and_paint(scene: Scene) -> None:
    """Add what the look needs: lamps and materials.

    Args:
        scene: The scene that `build_shapes` was called with.
    """
    for name, (energy, size, color) in LAMPS.items():
        data = bpy.data.lights.new(name, "AREA")
        data.energy, data.size, data.color = energy, size, color
        lamp = _add(name, data)
        lamp.location = scene.lamps[name]
        lamp.rotation_euler = (-Vector(scene.lamps[name])).to_track_quat("-Z", "Y").to_euler()
    data = bpy.data.lights.new("sun", "SUN")
    data.energy, data.angle = SUN_STRENGTH, SUN_ANGLE
    _add("sun", data).rotation_euler = Euler(SUN_ROTATION)
    world = bpy.data.worlds.new("world")
    background = world.node_tree.nodes["Background"].inputs
    background["Color"].default_value = (1.0, 1.0, 1.0, 1.0)
    background["Strength"].default_value = find_variant(scene.variant).ambient
    bpy.context.scene.world = world
    _paint(GROUND, scene.ground_material, None, scene.ground_offset, GROUND_TEXTURE_SCALE)
    for label, item in enumerate(scene.objects, start=1):
        _paint(str(label), item.material, item.color, item.texture_offset, 1.0)


def _add(name: str, data: bpy.types.ID) -> bpy.types.Object:
    thing = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(thing)
    return thing


def _paint(
    name: str,
    material: str,
    color: str | None,
    offset: tuple[float, float, float],
    scale: float,
) -> None:
    made = bpy.data.materials.new(name)
    # Vertices move by the relief, and what is finer than the mesh bends the light.
    made.displacement_method = "BOTH"
    rgb = None if color is None else "#{:02x}{:02x}{:02x}".format(*COLORS[color])
    materials.wire(made.node_tree, material, color=rgb, offset=offset, scale=scale)
    bpy.data.objects[name].data.materials.append(made)


def _add_mesh(name: str, mesh: Mesh) -> bpy.types.Object:
    data = bpy.data.meshes.new(name)
    data.from_pydata(mesh.points, [], mesh.faces)
    data.uv_layers.new(name=materials.UV).data.foreach_set("uv", mesh.uv.astype("f").ravel())
    rest = data.attributes.new(materials.REST, "FLOAT_VECTOR", "POINT")
    rest.data.foreach_set("vector", mesh.points.astype("f").ravel())
    data.shade_smooth()
    return _add(name, data)


@cache
def _ground() -> Mesh:
    return join(meshes.ground())


@cache
def _shape(name: str) -> Mesh:
    """Points of a shape, welded; kept, because building and welding take a while."""
    if name == "monkey":
        return _monkey()
    raw = join(meshes.SHAPES[name]())
    data = bpy.data.meshes.new(name)
    data.from_pydata(raw.points, [], raw.faces)
    data.uv_layers.new(name=materials.UV).data.foreach_set("uv", raw.uv.astype("f").ravel())
    work = bmesh.new()
    work.from_mesh(data)
    bmesh.ops.remove_doubles(work, verts=work.verts, dist=MERGE_DISTANCE)
    return _read(work)


def _monkey() -> Mesh:
    """Suzanne, subdivided twice, with the map of the nearest coordinate plane on each face."""
    bpy.ops.mesh.primitive_monkey_add(size=2.0)
    head = bpy.context.object
    head.modifiers.new("smooth", "SUBSURF").levels = 2
    work = bmesh.new()
    work.from_object(head, bpy.context.evaluated_depsgraph_get())
    turn = Matrix.Rotation(np.pi / 4, 4, "Z") @ Matrix.Scale(MONKEY_SCALE, 4)
    bmesh.ops.transform(work, matrix=turn, verts=work.verts)
    lowest = min(v.co.z for v in work.verts)
    bmesh.ops.translate(work, vec=(0.0, 0.0, -1.0 - lowest), verts=work.verts)
    layer = work.loops.layers.uv.verify()
    for face in work.faces:
        axis = int(np.argmax(np.abs(face.normal)))
        first, second = ((1, 2), (0, 2), (0, 1))[axis]
        for loop in face.loops:
            loop[layer].uv = loop.vert.co[first], loop.vert.co[second]
    bpy.data.objects.remove(head)
    return _read(work)


def _read(work: bmesh.types.BMesh) -> Mesh:
    """Take the arrays out of an edited mesh, in triangles, and free it."""
    bmesh.ops.triangulate(work, faces=work.faces)
    work.verts.index_update()
    layer = work.loops.layers.uv.active
    points = np.array([v.co[:] for v in work.verts])
    faces = np.array([[loop.vert.index for loop in face.loops] for face in work.faces])
    uv = np.array([[loop[layer].uv[:] for loop in face.loops] for face in work.faces])
    work.free()
    return Mesh(points, faces, uv)
