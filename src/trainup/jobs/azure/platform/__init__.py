"""The workspace, and what jobs need in it: code, environments, secrets, clusters and role assignments."""
