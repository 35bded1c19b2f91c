"""The run inside the child: its channel, its event loop, its beginning and end."""
