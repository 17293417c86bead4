"""What each column of ``data/*.parquet`` means."""

from sartext.narrator.methods import METHODS

_SCORED = sorted((method for method in METHODS if method.score), key=lambda method: method.name)
_SCORES = ", ".join(f"for `{method.name}` {method.score}" for method in _SCORED)

MEANINGS = {
    "image_id": "`<corpus>/<name>`, the same in every version",
    "image": "bytes of a PNG or JPEG file and its name; null where the image is withheld",
    "caption": "one English caption",
    "facts": "JSON: the facts that the caption was made from",
    "corpus": "the corpus that the image comes from",
    "split": "`train`, `validation` or `test`",
    "method": "how the caption was made; see below",
    "method_version": "version of that method",
    "source_caption": "the caption that this one was made from; null if it was made from an annotation",
    "model_sha256": "SHA-256 of the model that wrote the caption, or the caption it is rewritten from; else null",
    "prompt_sha256": "SHA-256 of the prompt of a language model; null without one",
    "score": f"what a model's caption was accepted by: {_SCORES}; null for the other methods",
    "width": "width of the image in pixels",
    "height": "height of the image in pixels",
    "modality": "`sar`",
    "sensor": "the sensor, as far as the corpus states it",
    "polarisation": "transmitted and received polarisation",
    "quantity": "what the values of the source file are: `display`, `amplitude`, `intensity`, `complex` or `db`",
    "db_low": "backscatter in dB that is shown black; null for images that came as 8-bit pictures",
    "db_high": "backscatter in dB that is shown white; null for images that came as 8-bit pictures",
    "scene_id": "the scene or place that the image was cut from",
    "group_id": "images that must stay in one split: of one scene or cluster",
    "cluster_id": "near-duplicates of each other",
    "benchmark": "the published benchmark whose test images hold this one; null for the others",
    "source_path": "the source file: `<corpus>/` and its path in the folder of that corpus",
    "sha256": "SHA-256 of the source file",
    "pixels_sha256": "SHA-256 of the decoded pixels of the source file",
    "image_sha256": "SHA-256 of the bytes in `image`; null where the image is withheld",
    "licence": "licence of the image, as its corpus states it",
    "redistribution": "whether the licence lets the image be passed on",
    "citation": "what to cite",
    "source_url": "homepage of the corpus",
}
