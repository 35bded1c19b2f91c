"""The world inside the sandbox, as job code sees it.

It imports the standard library only, and is imported before the first fork.
"""
