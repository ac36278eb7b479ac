"""Limits of projects."""
