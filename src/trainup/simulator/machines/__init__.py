"""Clusters that scale, and jobs that run as processes on this machine, in the environment of their image."""
