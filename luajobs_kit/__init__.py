"""luajobs_kit: a function in a cell becomes a scheduled, isolated, watchable job."""

__version__ = "0.1.0"
