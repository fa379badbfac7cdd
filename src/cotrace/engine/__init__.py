"""The same stages on engines for more than one machine."""
