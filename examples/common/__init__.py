"""What the training scripts of the examples share; knows nothing of any task."""
