"""Runs: one coroutine for each unfinished execution, from due to recorded."""
