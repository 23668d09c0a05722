"""Commands about runs: `cli/runs/lookup.py` says which record is meant, a module for each command does the rest."""
