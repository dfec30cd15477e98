"""The parts of the page, a folder each: Python, JavaScript, style sheet and texts together.

May import: core, imaging, questions, files, synthetic, reviews, models, page.texts, page.session,
page.gradio_internals, page.server.
"""
