"""The fault bench: real servers and processes, faults by process id, and a judgement from outside alone."""
