"""What a click does, one file a panel.

May import: core, imaging, questions, files, synthetic, reviews, page.texts, page.session,
page.gradio_internals, page.server, page.panels.
"""
