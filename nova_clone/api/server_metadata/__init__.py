"""Metadata of servers."""
