"""Metrics, a file each: BLEU, METEOR, ROUGE-L, CIDEr-D, SPICE, faithfulness, diversity, recall."""
