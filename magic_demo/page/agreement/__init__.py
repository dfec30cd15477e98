"""The agreement page, one file a part: filters, numbers, masks, switches, cases.

May import: core, imaging, questions, files, reviews, page.texts, page.session,
page.gradio_internals, page.panels.
"""
