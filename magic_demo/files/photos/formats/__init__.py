"""What single formats of photos need: JPEG, PNG, TIFF, DICOM."""
