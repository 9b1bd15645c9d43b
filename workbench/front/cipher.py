"""RSA encryption with the padding of PKCS #1 v1.5 (RFC 8017, 7.2.1), in which RStudio's sign-in wants a password.

Only a short text for the holder of the key is encrypted here, once; nothing is decrypted or signed, so that what makes RSA
hard to do well (private keys, and how long it takes with them) is not here.
"""

from __future__ import annotations

import secrets

OVERHEAD = 11  # bytes of padding at the least: 00 02, eight that are not zero, 00
LEAST, MOST = 1024, 8192  # bits of a key that is taken for one


def encrypted(text: bytes, exponent: int, modulus: int) -> bytes:
    """`text` for the holder of the key, as many bytes as the modulus has. Raises `ValueError` for no key and for too much."""
    if not LEAST <= modulus.bit_length() <= MOST or not 2 < exponent < modulus or modulus % 2 == 0:
        raise ValueError("this is no public key")
    size = (modulus.bit_length() + 7) // 8
    room = size - len(text) - 3
    if len(text) > size - OVERHEAD:
        raise ValueError("the text is too long for the key")
    padding = bytes(1 + secrets.randbelow(255) for _ in range(room))
    number = int.from_bytes(b"\0\x02" + padding + b"\0" + text, "big")
    return pow(number, exponent, modulus).to_bytes(size, "big")
