"""Guards: the checks that compiled job code passes through."""
