"""Scores of stems against references, and their plots."""
