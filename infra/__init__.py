"""The program: settings, platform, runs, exports."""
