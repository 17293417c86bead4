"""Captions of pairs put into other words by a language model behind any OpenAI-compatible endpoint.

`endpoint` sends one request; `asking` sends it again where that may help, within rate limits and budget; `journal`
remembers every answer and what was spent; `prompt` makes the request of a caption; `checks` judges an answer;
`rewriting` asks, re-asks and falls back to the rules; `stage` writes the artefact `rewritten@c`.
"""
