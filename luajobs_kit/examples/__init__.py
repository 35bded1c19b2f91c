"""The three complete examples of Lua's Jobs API, as tools to read, run and copy from."""
