"""The SQLite database: opened, checked, salvaged, read and written."""
