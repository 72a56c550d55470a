"""Modules that the training scripts of all tasks share."""
