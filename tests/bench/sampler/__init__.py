"""A profiler that daemons load by themselves."""
