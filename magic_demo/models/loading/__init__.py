"""From a folder or a Hub id to the models that are in use."""
