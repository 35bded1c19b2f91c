"""The monitor and its dialogs."""
