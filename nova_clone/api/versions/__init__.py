"""Which versions of the API there are, told to anybody."""
