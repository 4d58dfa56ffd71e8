"""The bridge between the zib releases: plans, and the blocks that cross."""
