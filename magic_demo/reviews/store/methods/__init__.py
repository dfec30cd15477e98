"""The methods of ``Store``, a class for each subject."""
