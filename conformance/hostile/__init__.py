"""Hostile input: the corpus, and the run that puts it before a real server (`make hostile`)."""
