"""What the patient's words say: cues, durations, the cue model and its explanation. No torch.

May import: core, questions, files.
"""
