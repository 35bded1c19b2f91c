"""The parts of the monitor's screen."""
