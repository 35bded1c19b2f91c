"""Data of a workspace: users, collections, products."""
