"""What is collected from meters.

asking      a read as an order: on demand, or because its time has come
schedule    the reads that come round by themselves
pushes      what meters say unasked
"""
