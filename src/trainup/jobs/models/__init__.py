"""Models: versions by their content, in the registry of each target, and which of them is live."""
