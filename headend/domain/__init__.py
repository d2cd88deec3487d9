"""The words of the head-end: orders, outcomes, reasons, evidence, meters.  Pure values, no I/O."""
