"""The parts of Python's library that job code is given in a mended or replaced form."""
