"""The namespaces of the current workspace: ``Jobs``, ``User``, ``Data``, ``Products``, ``tools``."""

from __future__ import annotations

from luajobs_kit.api import entries, jobs, people, powers, products

Jobs = jobs.Jobs()
User = people.User()
Data = entries.Data()
Products = products.Products()
tools = powers.Tools()

__all__ = ["Data", "Jobs", "Products", "User", "tools"]
