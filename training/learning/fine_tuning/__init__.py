"""Both models fine-tuned on reviewed cases, beside the data of before."""
