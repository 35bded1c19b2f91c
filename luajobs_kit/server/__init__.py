"""The engine behind HTTP: its process, the routes, authentication; the one place with a web framework."""
