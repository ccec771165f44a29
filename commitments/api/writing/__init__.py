"""The write side of the API: the verbs of the staff over POST, one file per family. A door translates, a verb decides."""
