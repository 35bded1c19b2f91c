"""The state that every live face shows, and the feed that keeps it up to date; without a widget."""
