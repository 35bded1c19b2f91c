"""Agents: their tools and jobs, declared, deployed and hosted."""
