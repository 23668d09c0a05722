"""Clusters that scale, and jobs that really run: as processes on this machine, in the environment of their image."""
