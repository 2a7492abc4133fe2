"""The body of a request: JSON that is the same value to a reader of YAML.

Server-side apply's media type is YAML, and the API server reads it as such. What must stay true: a character beyond
16 bits (an emoji in an annotation) stands there as itself, because JSON's pair of escapes for it is no YAML; every
other one that is not plain ASCII is escaped, because YAML takes some of them (U+0085, U+2028) for line breaks and
does not allow others (U+007F, U+FEFF).
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

_ESCAPED: Final = re.compile("[\x7f-\uffff]")


def encoded(value: Any) -> bytes:
    """Return `value` as JSON that YAML reads alike."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()
