"""Quotas of projects."""
