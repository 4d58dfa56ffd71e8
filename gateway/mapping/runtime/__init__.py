"""What generated code calls, and the state that it keeps."""
