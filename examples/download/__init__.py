"""Getting files from the web, whole and unpacked; knows nothing of any task.

Reading order: `transfer`, `unpack`, `sets`.
"""
