"""Stand-ins of the utility's other systems.

commercial            the legacy system: sends orders by SOAP, stores replies
integration_platform  routes its SOAP inwards and turns the result queue into XML for it
carrier_portal        what the mobile operator shows of a SIM
"""
