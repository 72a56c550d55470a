"""Scenes in the manner of CLEVR and CLEVRTex, rendered with Blender's Python module.

Reading order: `variants` (what may occur), `camera` and `scene` (one scene as plain numbers),
`layout` (files), `grids`, `meshes` and `materials` (shapes and surfaces), `blender` (the only
folder that needs `bpy`), `claims`, `draw` and `pool` (many scenes), `__main__` (the command).
Nothing here imports torch: the code runs in an environment of its own, see `requirements.txt`.
"""
