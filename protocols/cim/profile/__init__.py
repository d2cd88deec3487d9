"""Profiles of the adapters: which part of the CIM each system of the utility shows, as data.

The files `*.toml` beside this one are the profiles; `reading` turns them into `model`, from which
the XSD, the WSDL, the page and the payload of each adapter follow.
"""
