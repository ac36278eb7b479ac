"""What older clients ask for to find out what the API can do."""
