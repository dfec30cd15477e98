"""What the page needs of Gradio beyond its public names: internals of the pinned version, each with a test.

Python beside the browser's side (``elements.mjs``, ``gradio.css``). No other module of the page reaches
behind Gradio's public names (``tests/repository/test_gradio.py``).

May import: core.
"""
