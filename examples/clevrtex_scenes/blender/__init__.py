"""The only folder that needs `bpy`: builds a scene in Blender and renders image and mask."""
