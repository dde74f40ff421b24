"""What llama.cpp answers, from the package xllamacpp."""

import pytest

llama = pytest.importorskip("xllamacpp", reason="the oracle needs xllamacpp")


class LlamaCpp:
    def __init__(self, model, adapter=None, context=256):
        params = llama.CommonParams()
        params.model.path = str(model)
        params.n_ctx = context
        params.n_parallel = 1
        params.n_gpu_layers = 0
        params.cpuparams.n_threads = 2
        params.warmup = False
        if adapter is not None:
            params.lora_adapters = [llama.CommonAdapterLoraInfo(str(adapter), 1.0)]
        self.server = llama.Server(params)

    def greedy(self, prompt, count):
        """Token ids and their log-probabilities."""
        answer = self.server.handle_completions(
            {"prompt": prompt, "n_predict": count, "temperature": 0, "n_probs": 1,
             "cache_prompt": False}
        )  # fmt: skip
        tokens = answer["choices"][0]["logprobs"]["content"]
        return [token["id"] for token in tokens], [token["logprob"] for token in tokens]

    def next_tokens(self, prompt, count):
        """The likeliest tokens after `prompt` and their log-probabilities."""
        answer = self.server.handle_completions(
            {"prompt": prompt, "n_predict": 1, "temperature": 0, "n_probs": count,
             "cache_prompt": False}
        )  # fmt: skip
        (token,) = answer["choices"][0]["logprobs"]["content"]
        return ([one["id"] for one in token["top_logprobs"]],
                [one["logprob"] for one in token["top_logprobs"]])
