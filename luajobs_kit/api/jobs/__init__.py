"""Jobs: made, found, listed; their versions, executions and log lines."""
