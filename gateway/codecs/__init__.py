"""Syntaxes: bytes to a tree and back.  A codec knows nothing of care, mappings or policy.

Every codec has the same two functions, `decode(bytes, …) -> tree` and `encode(tree, …) -> bytes`; what is
too large, too deep, unsafe or malformed is refused here, as a SyntaxFault with its line, and nowhere else.
"""
