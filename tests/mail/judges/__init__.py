"""Three readers of mail that have nothing in common, and what they say of an injection.

Python's ``email``, Node's ``mailparser`` and Perl's ``MIME::tools`` each read the message before
and after; ``compare`` tells what any of them sees broken.
"""

from .comparison import compare, is_sealed
from .panel import read_all, require_judges, restart_readers, why_no_judges
from .processes import ReaderError
from .values import Part, Reading

__all__ = [
    "Part",
    "ReaderError",
    "Reading",
    "compare",
    "is_sealed",
    "read_all",
    "require_judges",
    "restart_readers",
    "why_no_judges",
]
