"""Requests: what job code asks of the engine, and the tools its owner offers."""
