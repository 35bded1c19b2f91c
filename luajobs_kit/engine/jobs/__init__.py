"""Jobs as the engine keeps them: checked, registered, looked up, shown."""
