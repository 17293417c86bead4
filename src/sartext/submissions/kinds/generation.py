"""What models of transformers write of pictures: greedy, or by their own beams, never sampled.

A text must be ended by the model within `LENGTH` tokens and its context; one that is not counts as empty.
"""

from typing import Any

from sartext.errors import ModelError
from sartext.submissions.kinds.transformers_folder import quiet, told

LENGTH = 128
"""Tokens of the longest text that a model may write."""


def generate(network: Any, inputs: Any, length: int = LENGTH) -> list[list[int]]:  # noqa: ANN401
    """Return the tokens that a network writes after its inputs, the prompt left out where it has one.

    Raises:
        ModelError: the inputs do not fit the network, or the prompt leaves no room in its context.
    """
    import torch

    prompt = inputs["input_ids"].shape[1] if "input_ids" in inputs else 0
    room = context_of(network) - prompt
    if room < 2:
        raise ModelError(
            f"a prompt of {prompt} tokens with the picture's, the context holds {context_of(network)}",
            where=type(network).__name__,
            way_out="give a shorter one by --prompt, or take a model of a longer context",
        )
    try:
        with quiet(), torch.inference_mode():
            tokens = network.generate(**inputs, max_new_tokens=min(length, room - 1), do_sample=False)
    except Exception as error:  # a stranger's processor and network may fit in no way
        raise ModelError(
            f"it cannot write of a picture ({told(error)})",
            where=type(network).__name__,
            way_out="its processor and its network must fit; a model of the LLaVA kind needs its chat template",
        ) from error
    written: list[list[int]] = tokens[:, prompt:].tolist()
    return written


def context_of(network: Any) -> int:  # noqa: ANN401 - transformers is untyped
    """Return the tokens that the part of a network which writes can hold; a large number where it does not say."""
    config = network.config.get_text_config(decoder=True)
    return int(getattr(config, "max_position_embeddings", None) or 1 << 20)


def ends(network: Any, tokenizer: Any) -> set[int]:  # noqa: ANN401 - transformers is untyped
    """Return the tokens by which a model ends a text."""
    text = network.config.get_text_config(decoder=True)
    stated = [network.generation_config.eos_token_id, text.eos_token_id, tokenizer.eos_token_id]
    stated += [getattr(text, "sep_token_id", None), tokenizer.sep_token_id]
    flat = [token for each in stated for token in (each if isinstance(each, list) else [each])]
    return {token for token in flat if token is not None}


def text_of(tokens: list[int], tokenizer: Any, ending: set[int], *, begun: bool) -> tuple[str, bool]:  # noqa: ANN401
    """Return the text of tokens, and whether the model ended it.

    ``begun``: the first token starts the text, as decoders' own do, and ends none.
    """
    finished = any(token in ending for token in tokens[begun:])
    return tokenizer.decode(tokens, skip_special_tokens=True).strip(), finished
