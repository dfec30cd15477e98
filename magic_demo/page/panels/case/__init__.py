"""The left column: examples, photos, the patient's words."""
