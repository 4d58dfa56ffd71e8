"""What a caller wants changed: read, held against what there is, kept and answered.

    asked        interactions: of one request (`single`) or of a Bundle (`bundles`)
    conditions   what must be met, or not
    person       whose record it is
    references   what leads to what
    reading      what it says, as blocks
    keeping      ids, versions, one transaction
    answers      entity tags, Bundles of responses

`gateway.exchange.changing` has the order in which they are used.
"""
