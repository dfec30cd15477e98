"""What readers say of cases: the store, queues, exports, reports, agreement, backups, deletion. No torch.

May import: core, imaging, questions, files.
"""
