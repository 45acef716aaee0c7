"""Fixes: corrections proposed for breaks whose correction is known. Approving and applying them is a later step."""

from recon.fixes.propose import Candidate, Proposal, propose_fixes

__all__ = ["Candidate", "Proposal", "propose_fixes"]
