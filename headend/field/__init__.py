"""How the head-end reaches devices: MQTT to concentrators, TCP and serial lines to meters."""
