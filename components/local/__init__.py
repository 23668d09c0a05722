"""The platform nouns on this machine."""
