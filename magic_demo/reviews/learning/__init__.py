"""What reviews teach: which case teaches most, and the models that were learnt from them."""
