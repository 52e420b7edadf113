"""Weights by name: those that ship, those that others publish."""
