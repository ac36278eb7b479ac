"""Extra specs of flavors."""
