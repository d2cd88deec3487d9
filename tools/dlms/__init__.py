"""`ami dlms`: octets of DLMS taken apart, from the command line, a file or a pipe."""
