"""`trainup report`: `gathering.py` reads what the page tells, `trainup.report` writes the page."""
