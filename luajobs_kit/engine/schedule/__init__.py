"""Fires: armed, claimed, caught up, and the watermark that says how far they are dealt with."""
