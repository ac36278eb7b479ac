"""A small identity service that speaks version 3 of Keystone's API."""
