"""Definitions: jobs, versions, users and settings in a journaled TinyDB."""
