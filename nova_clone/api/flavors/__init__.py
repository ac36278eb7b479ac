"""Flavors: the sizes that servers may have."""
