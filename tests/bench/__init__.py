"""What the daemons cost and how fast they are; see docs/how-to/measure.md."""
