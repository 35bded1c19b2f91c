"""Simulation: the coming days on a copy, in virtual time."""
