"""What serves a model, the same on every target: the entry script, and the requests that try a deployment."""
