"""What the Transformers side of every benchmark shares: models, rows, memory, one result line."""
import argparse
import json
import os
import pathlib
import resource
import sys
import time

import torch
import transformers
from transformers import LlamaForCausalLM

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
from run import read_lines, write_lines  # noqa: E402, F401 (for the peers)

IGNORED = -100  # the label of a token on which no loss is taken

SHAPES = {
    "small": dict(hidden_size=512, num_hidden_layers=8, num_attention_heads=8,
                  num_key_value_heads=8, intermediate_size=1376, vocab_size=8000),
    "tinyllama": dict(hidden_size=2048, num_hidden_layers=22, num_attention_heads=32,
                      num_key_value_heads=4, intermediate_size=5632, vocab_size=32000),
    # Qwen2.5-0.5B
    "qwen": dict(model_type="qwen2", hidden_size=896, num_hidden_layers=24, num_attention_heads=14,
                 num_key_value_heads=2, intermediate_size=4864, vocab_size=151936,
                 tie_word_embeddings=True),
    "scratch": dict(hidden_size=256, num_hidden_layers=4, num_attention_heads=4,
                    num_key_value_heads=4, intermediate_size=688, vocab_size=8000),
}


def parser(description):
    result = argparse.ArgumentParser(description=description)
    result.add_argument("--model", type=pathlib.Path, help="Hugging Face folder")
    result.add_argument("--threads", type=int, default=os.cpu_count())
    result.add_argument("--seed", type=int, default=0)
    return result


def prepare(arguments):
    """Threads, seed and quiet libraries; the same for every peer."""
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


def make_model(shape, folder, seed=0, dtype=torch.float32, vocab_size=None):
    """Writes a model with random weights, so that both sides start from the same ones.

    The end token's row of the head is zero: its logit is 0, never the largest, and greedy
    generation always runs to its limit.
    """
    torch.manual_seed(seed)
    sizes = dict(SHAPES[shape])
    if vocab_size:
        sizes["vocab_size"] = vocab_size
    usual = dict(model_type="llama", max_position_embeddings=2048, tie_word_embeddings=False,
                 bos_token_id=1, eos_token_id=2, pad_token_id=None, rms_norm_eps=1e-5)
    config = transformers.AutoConfig.for_model(**(usual | sizes))
    model = transformers.AutoModelForCausalLM.from_config(config).to(dtype)
    with torch.no_grad():
        model.lm_head.weight[2] = 0
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder, safe_serialization=True)


def load_model(folder, dtype):
    return LlamaForCausalLM.from_pretrained(folder, dtype=dtype)


def padded(rows, left=False, pad=0):
    """ids, mask and, where rows have them, labels as [rows, longest] tensors."""
    longest = max(len(row["ids"]) for row in rows)

    def fill(key, filler):
        lists = []
        for row in rows:
            values = row[key] if key in row else [1] * len(row["ids"])
            gap = [filler] * (longest - len(values))
            lists.append(gap + values if left else values + gap)
        return torch.tensor(lists)

    labels = fill("labels", IGNORED) if "labels" in rows[0] else None
    return fill("ids", pad), fill("mask", 0), labels


def peak_rss():
    """Bytes; Linux counts ru_maxrss in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def fine_tune(model, rows, batch, steps, warmup, rate, autocast):
    """Trains for `steps` batches in the order of the rows; the clock starts after `warmup` steps.

    Returns what both fine-tuning benchmarks report. Padding is not counted as tokens.
    """
    parameters = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.0, fused=True)
    model.train()
    losses, tokens, answers, positions, started = [], 0, 0, 0, time.perf_counter()
    for step in range(steps):
        if step == warmup:
            tokens = answers = positions = 0
            started = time.perf_counter()
        chosen = [rows[(step * batch + i) % len(rows)] for i in range(batch)]
        ids, mask, labels = padded(chosen)
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            loss = model(input_ids=ids, attention_mask=mask, labels=labels, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(round(loss.item(), 6))
        tokens += int(mask.sum())
        # The first token has no prediction, so its label never counts.
        answers += int((labels[:, 1:] != IGNORED).sum())
        positions += ids.numel()
    seconds = time.perf_counter() - started
    return {
        "tokens_per_second": tokens / seconds,
        "answer_tokens_per_second": answers / seconds,
        "rows_per_second": batch * (steps - warmup) / seconds,
        "padding_factor": positions / tokens,
        "seconds": seconds,
        "peak_rss_bytes": peak_rss(),
        "losses": losses,
    }


def report(values):
    """The peer's whole standard output: one JSON line."""
    print(json.dumps(values), flush=True)
