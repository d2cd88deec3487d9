"""What has changed, in an order that no reader misses anything of."""
