"""Jobs in the engine: checked, registered, looked up, shown."""
