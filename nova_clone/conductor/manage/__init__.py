"""What operators do to the databases by hand: nova-manage and placement-manage."""
