"""Language and vision-language models that learn the answers: low-rank additions to a pretrained model."""
