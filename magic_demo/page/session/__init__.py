"""What the server holds for open browsers: cases, drafts, photos that arrived, who is signed in. No Gradio.

May import: core, imaging, questions, files, reviews, models.
"""
