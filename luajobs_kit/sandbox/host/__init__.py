"""The engine's side of the sandbox: it starts the fork server and talks to children."""
