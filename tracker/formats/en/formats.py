"""Instants as the staff's pages write them: with their zone, as everywhere else."""

DATETIME_FORMAT = "j F Y, H:i e"
