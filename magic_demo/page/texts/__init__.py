"""The page's fixed texts in English and Chinese.

May import: core, reviews.
"""
