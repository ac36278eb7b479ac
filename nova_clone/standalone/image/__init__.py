"""A small image service that speaks version 2 of Glance's API."""
