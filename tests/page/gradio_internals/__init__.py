"""Tests of ``magic_demo/page/gradio_internals``: the traps of the pinned Gradio."""
