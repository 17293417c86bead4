"""Training SAR-GPT: optical questions first, then those of SAR-VQA."""
