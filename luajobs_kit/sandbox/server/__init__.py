"""The fork server: forks, limits, times and reaps children."""
