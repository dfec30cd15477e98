"""The page: a reading room for one case. Gradio lives here alone; ``build.py`` puts the parts together.

May import: core, synthetic, page.texts, page.session, page.gradio_internals, page.server, page.panels,
page.events, page.workshop, page.agreement.
"""
