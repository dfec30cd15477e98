"""Reviews and models' masks come in: what this program exported, and what others drew with other programs; one file of
``formats`` a format, an entry of ``sources.SOURCES`` each."""

from __future__ import annotations

from magic_demo.reviews.imports.gathering import ImportedReviews, SourceError
from magic_demo.reviews.imports.predictions import make_predictions
from magic_demo.reviews.imports.sources import SOURCES, Source, read_reviews

__all__ = ["SOURCES", "ImportedReviews", "Source", "SourceError", "make_predictions", "read_reviews"]
