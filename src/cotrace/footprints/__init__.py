"""Where a device is that a tower serves: footprints, stays with weights, and how sure a meeting is."""
