"""Copying container images between OCI registries, without Docker.

`python -m registry copy SOURCE DESTINATION` from a shell, `registry.copy.copy_image` from Python.
"""
