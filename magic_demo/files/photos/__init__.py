"""The one way a photo comes in: limits, decoding, upright, in sRGB, without metadata."""
