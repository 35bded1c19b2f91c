"""What the workspace keeps for agents: users, data, products."""
