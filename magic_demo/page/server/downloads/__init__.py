"""What a browser fetches beside the page: thumbnails, parts of photos, and what a reader takes away."""
