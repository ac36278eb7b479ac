"""NUMA cells, dedicated processors and huge pages: what servers ask for and hosts have."""
