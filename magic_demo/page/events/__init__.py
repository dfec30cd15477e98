"""What a click does, one file a panel.

May import: core, imaging, questions, files, synthetic, reviews, page.texts, page.session, page.server,
page.panels.
"""
