"""The kit's names inside a run: ``job``, ``Jobs``, ``User``, ``Data``, ``http`` and the rest."""
