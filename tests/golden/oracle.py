"""What Transformers computes. Importing this skips the test file that does where it is missing."""

import pytest

torch = pytest.importorskip("torch", reason="the oracle needs torch")
transformers = pytest.importorskip("transformers", reason="the oracle needs transformers")

TOLERANCE = 1e-4
VOCAB = 97
EOS = 96


def random_model(seed, **changes):
    """A tiny Llama whose every parameter, norms and biases too, is random."""
    sizes = {
        "vocab_size": VOCAB,
        "hidden_size": 36,
        "intermediate_size": 52,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "num_key_value_heads": 1,
        "head_dim": 12,
        "max_position_embeddings": 64,
        "bos_token_id": 1,
        "eos_token_id": EOS,
        "rms_norm_eps": 1e-5,
        "attn_implementation": "eager",
    }
    config = transformers.LlamaConfig(**(sizes | changes))
    return randomised(transformers.LlamaForCausalLM(config), seed)


def randomised(model, seed, norms=1.0):
    """`model` with random parameters, norms' around `norms`."""
    model = model.float().eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name:
                parameter.copy_(norms + 0.1 * noise)
            else:
                parameter.copy_(0.2 * noise)
    return model


def random_ids(seed, length):
    generator = torch.Generator().manual_seed(1000 + seed)
    return torch.randint(3, EOS, (length,), generator=generator).tolist()


@torch.no_grad()
def oracle_logits(model, ids):
    # A dynamic rotary embedding remembers the longest sequence so far; one token makes it forget.
    model(torch.tensor([ids[:1]]), use_cache=False)
    return model(torch.tensor([ids]), use_cache=False).logits[0].float()


def oracle_logprobs(model, prompt, continuation):
    """The log-probability of each token of `continuation` after `prompt`."""
    logprobs = torch.log_softmax(oracle_logits(model, prompt + continuation).double(), dim=-1)
    first = len(prompt) - 1
    return [logprobs[first + i, token].item() for i, token in enumerate(continuation)]


def oracle_greedy(model, prompt, count):
    """Greedy tokens, their log-probabilities, and how far each led the runner-up at least."""
    ids, logprobs, lead = list(prompt), [], float("inf")
    for _ in range(count):
        last = torch.log_softmax(oracle_logits(model, ids)[-1].double(), dim=-1)
        best = torch.topk(last, 2)
        lead = min(lead, (best.values[0] - best.values[1]).item())
        ids.append(best.indices[0].item())
        logprobs.append(best.values[0].item())
    return ids[len(prompt) :], logprobs, lead


def assert_close(found, wanted):
    found = torch.as_tensor(found, dtype=torch.float64)
    wanted = torch.as_tensor(wanted, dtype=torch.float64)
    assert found.shape == wanted.shape
    worst = (found - wanted).abs().max().item()
    assert worst <= TOLERANCE, f"largest difference {worst:.3g}, allowed {TOLERANCE:g}"
