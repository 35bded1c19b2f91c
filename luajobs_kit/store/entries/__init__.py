"""Entries: data and products, found by filter and by words."""
