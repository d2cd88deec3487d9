"""Ways by which notices leave: MQTT, e-mail, webhook."""
