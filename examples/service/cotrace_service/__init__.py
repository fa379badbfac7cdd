"""A small service to copy: look-ups of codes, companions of a case as a job, printable codes.

What it answers are candidates from co-location; decisions are people's.
"""
