"""One spelling for everything that is hashed: definitions, plans, versions."""

import json


def canonical_json(value: object) -> str:
    r"""JSON with one spelling: sorted keys, no spaces, ASCII, no NaN.

    >>> canonical_json({"b": [1.0, None], "a": "é"})
    '{"a":"\\u00e9","b":[1.0,null]}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest(value: object) -> str:
    """SHA-256 of the canonical JSON, in hex."""
    import hashlib  # loads OpenSSL, a tenth of what `import forerun` may cost

    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
