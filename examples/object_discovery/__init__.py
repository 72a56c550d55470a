"""Unsupervised object discovery: SimCLR training, then clustering of the features."""
