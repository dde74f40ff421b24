"""A model answering from GGUF blocks is as near to its exact probabilities as llama.cpp is."""

import random

import numpy as np
import pytest

from gguf_oracles import model_file
from llamacpp import LlamaCpp

MODELS = ["smollm2-135m-instruct.Q4_1.gguf", "qwen2.5-coder-0.5b-instruct.Q4_K_M.gguf"]
LIKELIEST = 8
TEXT = """The Amazon is the largest river of the world by the water that it carries. Its sources lie
in the Andes of Peru, and it flows through Brazil to the Atlantic. Marie Curie was born in Warsaw in
1867 and moved to Paris in 1891, where she studied physics and mathematics at the Sorbonne."""


def prompts(relata, model):
    """Beginnings of the text, as token ids."""
    ids = relata.answers("tokenizer", "encode", model, requests=[TEXT])[0]["ids"]
    lengths = random.Random(1).sample(range(4, len(ids)), 24)
    return [ids[:length] for length in sorted(lengths)]


def logprobs(relata, model, asked, *options):
    requests = [{"prompt_ids": ids, "continuation_ids": [[token] for token in tokens]}
                for ids, tokens in asked]
    found = relata.answers("score", "-m", model, *options, requests=requests)
    return np.array([answer["logprobs"] for answer in found])


@pytest.mark.parametrize("name", MODELS)
def test_probabilities_are_as_near_as_llama_cpps(relata, name):
    model = model_file(name)
    oracle = LlamaCpp(model)
    asked, theirs = [], []
    for ids in prompts(relata, model):
        tokens, values = oracle.next_tokens(ids, LIKELIEST)
        asked.append((ids, tokens))
        theirs.append(values)
    exact = logprobs(relata, model, asked, "--dtype", "float32")
    ours = logprobs(relata, model, asked, "--no-dequantize")
    error = {"relata": np.sqrt(np.mean((ours - exact) ** 2)),
             "llama.cpp": np.sqrt(np.mean((np.array(theirs) - exact) ** 2))}
    print(name, error)
    # Both are means over 24 prompts of errors that differ from prompt to prompt by as much as they
    # are: a third of them is what one such mean differs by from another (1.6 / sqrt(24)).
    assert error["relata"] <= error["llama.cpp"] * 1.33, error
