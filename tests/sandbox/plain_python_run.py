"""Program that runs a family of ordinary cases under plain Python and prints the results as JSON.

In a process of its own, for what prepares Python's library for job code does so for good.
"""

import json
import sys

from corpus_files import cases
from corpus_runs import wanted_of

family = sys.argv[1]
found = {case.name: wanted_of(case) for case in cases("honest") if case.family == family}
sys.stdout.write(json.dumps(found))
