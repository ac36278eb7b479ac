"""Placement's records and the commits that change them."""
