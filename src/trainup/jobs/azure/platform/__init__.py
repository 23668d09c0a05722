"""The workspace that jobs run in, and what it holds for them: code, environments, secrets, clusters."""
