"""The HTTPS services: resource manager, Azure ML and its data planes, blobs, tokens. To add one: `routing.py`."""
