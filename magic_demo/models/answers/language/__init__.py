"""Language and vision-language models that answer the closed questions and describe photos."""
