"""HTTP access to Azure: login, requests with retries, and blobs."""
