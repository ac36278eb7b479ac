"""Volumes attached to servers."""
