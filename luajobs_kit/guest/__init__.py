"""What job code sees inside the sandbox. Standard library only; imported before the first fork."""
