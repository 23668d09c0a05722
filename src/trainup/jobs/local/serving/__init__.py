"""Endpoints on this machine: the keeper of each, and the server that it watches."""
