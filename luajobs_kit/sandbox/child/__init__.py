"""The child's side of the socket: one process, one run."""
