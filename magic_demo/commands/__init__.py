"""``python -m magic_demo COMMAND``, one file a command; those about a store as a whole are in ``store``.

May import: core, imaging, questions, files, synthetic, reviews, models, challenge, page, page.session,
page.server, api.
"""
