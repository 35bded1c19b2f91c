"""Walls: what the operating system and Python's audit hook refuse a child."""
