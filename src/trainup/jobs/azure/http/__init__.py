"""How Azure is reached: the login, requests that are retried, and blobs."""
