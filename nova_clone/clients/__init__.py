"""The other services of the cloud, each behind a protocol with a fake beside it."""
