"""Losses, by network and domain."""
