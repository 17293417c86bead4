import sartext.models.gpt  # noqa: F401 - guards torchvision before a test imports transformers
