"""The Azure that all faces share: its resources, what it refuses, and what it adds by itself."""
