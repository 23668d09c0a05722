"""The official client submits a folder as a command job.

python submit.py ADDRESS WORKSPACE CLUSTER ENVIRONMENT FOLDER
"""

import sys

from client import submit

submit(*sys.argv[1:])
