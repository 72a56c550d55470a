"""Run in the environment that has bpy: wires every material; prints what is amiss as JSON."""

import json

import bpy  # pyright: ignore[reportMissingImports]

from examples.clevrtex_scenes.materials import FULL, OUTD, PLAIN, wire

amiss = []
for name in FULL | OUTD | PLAIN:
    tree = bpy.data.materials.new(name).node_tree
    color = "#804020" if name in ("rubber", "metal") else None
    wire(tree, name, color=color, offset=(1.0, 2.0, 3.0))
    output = next(node for node in tree.nodes if node.type == "OUTPUT_MATERIAL")
    if not all(link.is_valid for link in tree.links) or not output.inputs["Surface"].is_linked:
        amiss.append(f"{name} is not wired")
    # Everything but the plain surfaces has relief.
    if output.inputs["Displacement"].is_linked == (name in PLAIN):
        amiss.append(f"{name}: relief is there or missing")
print(json.dumps(amiss))
