"""``python -m magic_demo COMMAND``, one file a command.

May import: core, imaging, questions, files, synthetic, reviews, models, challenge, page, page.session,
page.server.
"""
