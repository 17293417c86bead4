"""How a question is put to the language model, the same in training, in answering and in the chat template."""

IMAGE = "<image>"
"""Stands for all tokens of a picture; the processor repeats it as often as the picture has patches."""

CHAT = (
    "{%- for message in messages -%}"
    "{%- set parts = message['content'] if message['content'] is not string "
    "else [{'type': 'text', 'text': message['content']}] -%}"
    "{%- if message['role'] == 'user' -%}"
    "{%- for part in parts if part['type'] == 'image' -%}{{ '<image>' }}{%- endfor -%}"
    "{{ '\\n' }}"
    "{%- for part in parts if part['type'] == 'text' -%}{{ part['text'] }}{%- endfor -%}"
    "{{ '\\n' }}"
    "{%- else -%}"
    "{%- for part in parts if part['type'] == 'text' -%}{{ ' ' + part['text'] }}{%- endfor -%}"
    "{%- endif -%}"
    "{%- endfor -%}"
)
"""The same as a template of transformers: a user's content is an image and a text, in the usual form."""


def prompt(question: str, *, image: bool) -> str:
    """Return what the model is given: a person's turn as LLaVA's rows have it, and a line break.

    Args:
        question: as a person would ask it.
        image: whether the picture's token stands before it.
    """
    return f"{IMAGE if image else ''}\n{' '.join(question.split())}\n"


def reply(answer: str) -> str:
    """Return what the model is to say after a prompt, the end token left out."""
    return f" {' '.join(answer.split())}"
