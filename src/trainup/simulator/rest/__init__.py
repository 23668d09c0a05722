"""Faces over HTTPS: the resource manager, Azure ML and its data planes, blobs, tokens. How to add one: `routing.py`."""
