"""The audience board's pages: what they show and what the model says; the scripts and style sheet lie beside
this file."""
