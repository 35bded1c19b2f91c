"""The policy: how job code is checked and compiled."""
