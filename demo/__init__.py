"""The tutorial on one machine: told step by step (`make demo`), or kept running with its UI (`make up`)."""
