"""The same work done by us and by what people would use instead, timed in one run."""
