"""Keeps pytest's search for doctests out of what only imports where bpy is installed."""

import importlib.util

collect_ignore = [] if importlib.util.find_spec("bpy") else ["blender"]
