"""Transfer: a workspace exported, and imported elsewhere."""
