"""The doors of other programs over the network: HTTP at ``/api/v1``, MCP, and the webhook. Shut unless asked for.

May import: core, imaging, questions, files, reviews, models, page.session, page.server, page.panels.
"""
