"""The namespaces of the current workspace: ``Jobs``, ``User``, ``Data``, ``Products``, ``tools``."""

from __future__ import annotations

from luajobs_kit.api.agent import tool_offers
from luajobs_kit.api.data import data, products, users
from luajobs_kit.api.jobs import jobs

Jobs = jobs.Jobs()
User = users.User()
Data = data.Data()
Products = products.Products()
tools = tool_offers.Tools()

__all__ = ["Data", "Jobs", "Products", "User", "tools"]
