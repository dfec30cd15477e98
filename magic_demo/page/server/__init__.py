"""What the server answers beside the page: gate, sign-in, headers, routes.

May import: core, imaging, files, reviews, page.texts, page.session, page.gradio_internals.
"""
