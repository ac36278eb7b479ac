"""The tables, in three sets that are never joined with each other.

Tables have no foreign keys: the share locks that they put on parent rows turn ordinary
writers into deadlocks. Each repository writes all rows of its noun in one transaction.
"""
