"""The daily store: each day's pings once, every query from then on."""
