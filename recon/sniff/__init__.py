"""Sniff: what a file that nobody has described is, told with its evidence, and a format proposed for it.

Comes in   any file, packed or not; nothing about it is known
Goes out   findings with how sure they are and why, the known formats ranked by fit, a proposed format file
Never      used by a night: encoding, delimiter, dates and marks are declared there. Never surer than what was looked at.
"""
