"""CIM messages (IEC 61968-100 envelope, IEC 61968-9 payloads): XML to meaning and back, no HTTP."""
