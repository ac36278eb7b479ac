"""nova_clone: OpenStack Nova and Placement, written anew."""
