"""From a mapping file to Python source: language, layout, and what reads and writes."""
