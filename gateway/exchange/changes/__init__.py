"""What a caller wants changed: read, held against what there is, kept and answered.

    asked        interactions: of one request (`single`) or of a Bundle (`bundles`)
    conditions   what must be met, or not; `preconditions`: in which version
    person       whose record it is
    references   what leads to what
    reading      what it says, as blocks
    planning     ids, and the versions that must hold
    keeping      one transaction of the store
    answers      entity tags, Bundles of responses

`gateway.exchange.changing` has the order in which they are used.
"""
