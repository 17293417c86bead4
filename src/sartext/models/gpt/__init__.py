"""SAR-GPT: an image tower, a projector and a language model that answers questions, all of it transformers'."""

import sartext.models.compatibility  # noqa: F401 - transformers imports torchvision, which is guarded there
