"""The page that a team attaches to a pull request: runs, their metrics and how they differ, in one HTML file."""
