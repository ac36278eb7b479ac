"""What was done to servers."""
