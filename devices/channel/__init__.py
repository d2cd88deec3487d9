"""The medium between concentrator and meters: what it does to one frame, and to one message.

    place       where a meter hangs on the transformer, and what the path to it costs
    noise       the noise floor by the hour of the day
    link        a link: its path, its noise, its faults; the ratio they leave; is it registered?
    carriage    carry(link, frame, rng) -> Delivered | Lost: the fate of one frame
    transfer    a message: segments, acknowledgements, retries; what the concentrator saw of it
    counters    a concentrator's link layer adds up what it saw, for `LinkReport`

Every equation and parameter, with its source or the word assumption: docs/models.md.
"""
