"""A batch run case by case: what is still to do, what is done to a case, and who does it: this process, several
on this machine, or the shards of a run on several machines.

May import: core, imaging, questions, files, models, and of challenge what describes a run.
"""
