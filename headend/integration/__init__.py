"""What leaves the head-end for the utility's other systems."""
