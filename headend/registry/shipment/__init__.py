"""Shipment files: what a manufacturer says of the meters on its pallets, and their keys.

Two forms, CSV and XML, tell the same fields by the same names (docs/registry.md).  Keys never
stand in a file as they are: each is wrapped by a transport key that went another way.
"""
