"""Runnable reproductions of the AKOrN experiments, written against the public API only."""
