"""Instants as the staff's pages write them: with their zone, as everywhere else."""

DATETIME_FORMAT = "Y年n月j日 H:i e"
