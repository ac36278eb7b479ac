"""How the records become bridges, namespaces, DHCP servers and rules of the kernel."""
