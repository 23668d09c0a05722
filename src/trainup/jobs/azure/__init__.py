"""The target Azure ML, over REST: jobs, images in a registry, and the resources of a workspace."""
