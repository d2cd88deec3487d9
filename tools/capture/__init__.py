"""`ami capture`: what a capture holds, and with keys at hand what was ciphered in it."""
