"""COSEM objects as a client reads them, from values alone (DLMS UA 1000-1, the Blue Book).

    units        unit codes: symbol and quantity; ScalerUnit, Quantity
    association  object list of class 15, versions 0 to 3: who may read, write and invoke what
    capture      capture objects of class 7
    profile      a profile's buffer as rows: null-data, deltas and compact arrays undone
    clock        class 8
    image        class 18
    push         class 40
    shape        taking values apart; `Misshapen` says what was wrong

Nothing here knows a meter, a request or an association; `protocols.dlms.procedures` asks.
"""
