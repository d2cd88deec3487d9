"""Messages between head-end and concentrator: typed, versioned, carried over MQTT as JSON."""
