"""Where the data of the project lies: mappings, profiles of the building blocks, evidence.

In a checkout they are top-level folders; a wheel carries the same folders inside the package.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_PACKAGED = _PACKAGE / "_data"
_ROOT = _PACKAGED if _PACKAGED.is_dir() else _PACKAGE.parent

MAPPINGS = _ROOT / "mappings"
ZIB_PROFILES = _ROOT / "zib_profiles"
CONFORMANCE = _ROOT / "conformance"
