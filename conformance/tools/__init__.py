"""Tools that turn published packages into the facts that the project keeps."""
