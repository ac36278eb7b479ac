"""The daemons of the cloud."""
