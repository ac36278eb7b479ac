"""Servers: create, list, show, change, delete."""
