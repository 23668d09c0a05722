"""Azure over REST: jobs of Azure ML, builds of a registry, blobs. One login, one set of retries."""
