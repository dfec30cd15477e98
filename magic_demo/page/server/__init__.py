"""What the server answers beside the page: gate, sign-in, headers, routes.

May import: core, imaging, questions, files, reviews, page.texts, page.session, page.gradio_internals.
"""
