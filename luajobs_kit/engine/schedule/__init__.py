"""Fires: armed, claimed, caught up, and the watermark up to which they are dealt with."""
