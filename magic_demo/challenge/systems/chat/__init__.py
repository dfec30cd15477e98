"""A chat model behind an OpenAI-compatible address answers the closed questions, a case at a time."""
