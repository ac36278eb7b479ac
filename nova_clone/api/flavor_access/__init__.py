"""Which projects may use private flavors."""
