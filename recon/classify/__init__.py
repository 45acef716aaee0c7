"""Classify: what is left over becomes breaks: a code, a class, an identity for life, an age and a deadline.

Reads   <recon>_judged and the records behind it, the breaks known last night
Writes  values (`Named`, then `Break`) and the table <recon>_named
Never   hides a difference: what no rule names is `unexplained`, investigate.
"""

from recon.classify.breaks import make_break, settle_breaks
from recon.classify.fill import fill
from recon.classify.honour import closed_by_people, corrected, honour, said, seen, unmatched
from recon.classify.name import Named, name_breaks

__all__ = [
    "Named",
    "closed_by_people",
    "corrected",
    "fill",
    "honour",
    "make_break",
    "name_breaks",
    "said",
    "seen",
    "settle_breaks",
    "unmatched",
]
