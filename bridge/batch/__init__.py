"""Renders of many files, in processes of their own."""
