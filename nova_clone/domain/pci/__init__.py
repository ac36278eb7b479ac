"""PCI devices that servers get for their own: what hosts offer and flavors ask for."""
