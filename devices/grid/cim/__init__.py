"""Networks as CIM100 models in RDF/XML (IEC 61970-301, IEC 61968-11), such as CIMHub writes.

rdf        objects with their values, and who points at whom
network    the model as a circuit
transformers
           transformers, by ends or by tanks, and their tap changers
"""

from devices.grid.cim.network import Network, read

__all__ = ["Network", "read"]
