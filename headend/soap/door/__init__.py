"""The door: octets in, who sent them, which desk they are for, octets out."""
