"""History: fires, executions, log lines, messages and idempotency keys."""
