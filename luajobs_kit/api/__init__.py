"""Lua's surface in Python. Import the names from ``luajobs_kit``, which loads them lazily."""
