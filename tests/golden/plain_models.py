"""Baichuan and ChatGLM in plain PyTorch, written from their papers and checkpoints' weight names.

Transformers has neither: their code came with the checkpoints. Everything is computed the long way
round, one sequence at a time, with a full matrix of scores.
"""

import json
import math
import types

import safetensors.torch
import torch
from torch import nn
from torch.nn import functional as F


class Norm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x):
        return self.weight * x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)


def causal(scores):
    length = scores.shape[-1]
    later = torch.ones(length, length, dtype=torch.bool).triu(1)
    return scores.masked_fill(later, float("-inf"))


class Plain(nn.Module):
    """What the tests ask of a model: logits of one sequence, and files."""

    def __init__(self, config):
        super().__init__()
        self.settings = config
        self.config = types.SimpleNamespace(max_position_embeddings=config["longest"])

    def forward(self, input_ids, use_cache=False):
        assert not use_cache and input_ids.shape[0] == 1
        return types.SimpleNamespace(logits=self.logits_of(input_ids[0]).unsqueeze(0))

    def save_pretrained(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(self.file()))
        state = {name: value.contiguous() for name, value in self.state_dict().items()}
        safetensors.torch.save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


# ---- Baichuan ------------------------------------------------------------------------------------


def turn_halves(x, theta):
    """Rotates x [heads, T, width] in pairs (j, j + width / 2) by position * theta^(-2j / width)."""
    width = x.shape[-1]
    speeds = theta ** (-torch.arange(0, width, 2, dtype=torch.float32) / width)
    angles = torch.arange(x.shape[1], dtype=torch.float32)[:, None] * speeds[None]
    first, second = x[..., : width // 2], x[..., width // 2 :]
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)


def slopes(heads):
    """ALiBi's: powers of 2^(-8 / n) for n a power of two, else those and every other of 2n's."""
    power = 2 ** math.floor(math.log2(heads))
    found = [2 ** (-8 * (i + 1) / power) for i in range(power)]
    finer = [2 ** (-8 * (i + 1) / (2 * power)) for i in range(2 * power)]
    return torch.tensor((found + finer[0::2])[:heads])


class BaichuanLayer(nn.Module):
    def __init__(self, c):
        super().__init__()
        width, inner = c["width"], c["inner"]
        self.input_layernorm = Norm(width, 1e-6)
        self.post_attention_layernorm = Norm(width, 1e-6)
        self.self_attn = nn.ModuleDict(
            {
                "W_pack": nn.Linear(width, 3 * width, bias=False),
                "o_proj": nn.Linear(width, width, bias=False),
            }
        )
        self.mlp = nn.ModuleDict(
            {
                "gate_proj": nn.Linear(width, inner, bias=False),
                "up_proj": nn.Linear(width, inner, bias=False),
                "down_proj": nn.Linear(inner, width, bias=False),
            }
        )
        self.heads, self.alibi = c["heads"], c["alibi"]

    def forward(self, x):
        length, width = x.shape
        packed = self.self_attn["W_pack"](self.input_layernorm(x))
        query, key, value = (
            part.view(length, self.heads, -1).transpose(0, 1) for part in packed.chunk(3, -1)
        )
        if not self.alibi:
            query, key = turn_halves(query, 10000.0), turn_halves(key, 10000.0)
        scores = query @ key.transpose(1, 2) / math.sqrt(width // self.heads)
        if self.alibi:
            place = torch.arange(length, dtype=torch.float32)
            scores = scores + slopes(self.heads)[:, None, None] * (place[None] - place[:, None])
        mixed = causal(scores).softmax(-1) @ value
        x = x + self.self_attn["o_proj"](mixed.transpose(0, 1).reshape(length, width))
        h = self.post_attention_layernorm(x)
        gated = F.silu(self.mlp["gate_proj"](h)) * self.mlp["up_proj"](h)
        return x + self.mlp["down_proj"](gated)


class Baichuan(Plain):
    def __init__(self, vocab, eos, second, alibi, heads=3):
        super().__init__(
            {"width": 12 * heads, "inner": 52, "heads": heads, "alibi": alibi, "longest": 64}
        )
        c = self.settings
        self.model = nn.Module()
        self.model.embed_tokens = nn.Embedding(vocab, c["width"])
        self.model.layers = nn.ModuleList(BaichuanLayer(c) for _ in range(2))
        self.model.norm = Norm(c["width"], 1e-6)
        self.lm_head = nn.Linear(c["width"], vocab, bias=False)
        self.vocab, self.eos, self.second = vocab, eos, second

    def logits_of(self, ids):
        x = self.model.embed_tokens(ids)
        for layer in self.model.layers:
            x = layer(x)
        head = self.lm_head.weight
        if self.second:
            head = F.normalize(head)
        return F.linear(self.model.norm(x), head)

    def file(self):
        c = self.settings
        config = {
            "architectures": ["BaichuanForCausalLM"],
            "model_type": "baichuan",
            "vocab_size": self.vocab,
            "hidden_size": c["width"],
            "intermediate_size": c["inner"],
            "num_hidden_layers": 2,
            "num_attention_heads": c["heads"],
            "hidden_act": "silu",
            "rms_norm_eps": 1e-6,
            "tie_word_embeddings": False,
            "bos_token_id": 1,
            "eos_token_id": self.eos,
            "torch_dtype": "float32",
        }
        # The 13B models' files have no max_position_embeddings; only the second generation's have
        # z_loss_weight.
        config["model_max_length" if c["alibi"] else "max_position_embeddings"] = c["longest"]
        if self.second:
            config["z_loss_weight"] = 0
        return config


# ---- ChatGLM -------------------------------------------------------------------------------------


def turn_pairs(x, rotated, theta, slower):
    """Rotates the first `rotated` of x [heads, T, width] in pairs (2j, 2j + 1)."""
    speeds = theta ** (-torch.arange(0, rotated, 2, dtype=torch.float32) / rotated)
    angles = torch.arange(x.shape[1], dtype=torch.float32)[:, None] / slower * speeds[None]
    pairs = torch.view_as_complex(x[..., :rotated].reshape(*x.shape[:2], -1, 2).contiguous())
    turned = torch.view_as_real(pairs * torch.polar(torch.ones_like(angles), angles)).flatten(-2)
    return torch.cat([turned, x[..., rotated:]], -1)


class ChatGlmLayer(nn.Module):
    def __init__(self, c):
        super().__init__()
        width, inner, head = c["width"], c["inner"], c["head"]
        self.input_layernorm = Norm(width, 1e-5)
        self.post_attention_layernorm = Norm(width, 1e-5)
        rows = head * (c["heads"] + 2 * c["groups"])
        self.self_attention = nn.ModuleDict(
            {
                "query_key_value": nn.Linear(width, rows, bias=True),
                "dense": nn.Linear(head * c["heads"], width, bias=False),
            }
        )
        self.mlp = nn.ModuleDict(
            {
                "dense_h_to_4h": nn.Linear(width, 2 * inner, bias=False),
                "dense_4h_to_h": nn.Linear(inner, width, bias=False),
            }
        )
        self.c = c

    def forward(self, x):
        length = x.shape[0]
        heads, groups, head = self.c["heads"], self.c["groups"], self.c["head"]
        packed = self.self_attention["query_key_value"](self.input_layernorm(x))
        query, key, value = (
            part.view(length, -1, head).transpose(0, 1)
            for part in packed.split([heads * head, groups * head, groups * head], -1)
        )
        query, key = (
            turn_pairs(x, head // 2, self.c["theta"], self.c["slower"]) for x in (query, key)
        )
        key, value = (part.repeat_interleave(heads // groups, 0) for part in (key, value))
        scores = causal(query @ key.transpose(1, 2) / math.sqrt(head))
        mixed = (scores.softmax(-1) @ value).transpose(0, 1).reshape(length, heads * head)
        x = x + self.self_attention["dense"](mixed)
        gate, up = self.mlp["dense_h_to_4h"](self.post_attention_layernorm(x)).chunk(2, -1)
        return x + self.mlp["dense_4h_to_h"](F.silu(gate) * up)


class ChatGlm(Plain):
    def __init__(self, vocab, eos, ratio=1.0, generation=3):
        super().__init__(
            {
                "width": 32, "inner": 40, "head": 8, "heads": 4, "groups": 2, "longest": 64,
                # For long texts the third generation raised the base, the second slowed positions.
                "theta": 10000.0 * (ratio if generation == 3 else 1.0),
                "slower": ratio if generation == 2 else 1.0,
            }
        )  # fmt: skip
        self.generation = generation
        c = self.settings
        self.transformer = nn.Module()
        self.transformer.embedding = nn.Module()
        self.transformer.embedding.word_embeddings = nn.Embedding(vocab, c["width"])
        self.transformer.encoder = nn.Module()
        self.transformer.encoder.layers = nn.ModuleList(ChatGlmLayer(c) for _ in range(2))
        self.transformer.encoder.final_layernorm = Norm(c["width"], 1e-5)
        self.transformer.output_layer = nn.Linear(c["width"], vocab, bias=False)
        self.vocab, self.eos, self.ratio = vocab, eos, ratio

    def logits_of(self, ids):
        x = self.transformer.embedding.word_embeddings(ids)
        for layer in self.transformer.encoder.layers:
            x = layer(x)
        return self.transformer.output_layer(self.transformer.encoder.final_layernorm(x))

    def file(self):
        c = self.settings
        config = {
            "architectures": ["ChatGLMModel"],
            "model_type": "chatglm",
            "padded_vocab_size": self.vocab,
            "hidden_size": c["width"],
            "ffn_hidden_size": c["inner"],
            "num_layers": 2,
            "num_attention_heads": c["heads"],
            "kv_channels": c["head"],
            "multi_query_attention": True,
            "multi_query_group_num": c["groups"],
            "seq_length": c["longest"],
            "layernorm_epsilon": 1e-5,
            "rmsnorm": True,
            "post_layer_norm": True,
            "apply_residual_connection_post_layernorm": False,
            "add_bias_linear": False,
            "add_qkv_bias": True,
            "tie_word_embeddings": False,
            "eos_token_id": self.eos,
            "torch_dtype": "float32",
        }
        if self.ratio != 1.0:
            config["rope_ratio"] = self.ratio
            config["_name_or_path"] = f"THUDM/chatglm{self.generation}-6b-32k"
        return config
