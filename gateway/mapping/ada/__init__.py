"""ADA: read and written from the profiles, with a short overlay for each application."""
