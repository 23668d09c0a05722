"""Job files of Azure ML, as they are written for its command line."""
