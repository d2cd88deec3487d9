"""The utility's bus: IEC 61968-100 envelopes on MQTT request and reply queues, without I/O."""
