"""The child: one process, one run."""
