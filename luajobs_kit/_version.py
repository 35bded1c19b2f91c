"""The kit's version: the build reads it here, and so does everything inside."""

__version__ = "0.1.0"
