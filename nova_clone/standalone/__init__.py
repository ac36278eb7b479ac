"""The embedded default for one node: small identity, image and network services."""
