"""The words of one transaction, by what they speak of.  Plain calls; nothing awaits."""
