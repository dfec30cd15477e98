"""A session before an audience: guide, presenter mode, audience board.

May import: core, questions, synthetic, reviews, page.texts, page.session,
page.gradio_internals, page.server, page.panels.
"""
