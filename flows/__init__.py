"""In what order: one file a flow, read like the tutorial's table of contents."""
