"""Trains a small Llama from scratch with Transformers for a number of minutes and scores labels.

The quality counterpart of relata's recipes: same size, same token rows, same minutes. Training rows
are {"ids", "labels"}; text tokens (label -100) count with --text-weight. Development and test rows
are {"prompt_ids", "continuation_ids", "gold"}; the answer is the continuation with the highest
log-probability, scored as micro-F1 over the rows without the label index --negative. With --dev the
weights of the best pass are kept.
"""
import copy
import math
import random
import time

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from common import (IGNORED, SHAPES, padded, parser, peak_rss, prepare, read_lines, report,
                    write_lines)

arguments = parser(__doc__.splitlines()[0])
arguments.add_argument("--train", required=True)
arguments.add_argument("--dev")
arguments.add_argument("--test", required=True)
arguments.add_argument("--out", help='JSONL {"logprobs"} for the test rows')
arguments.add_argument("--minutes", type=float, required=True, help="of training")
arguments.add_argument("--batch", type=int, default=32)
arguments.add_argument("--rate", type=float, default=1e-3)
arguments.add_argument("--warmup", type=float, default=0.03, help="share of the time")
arguments.add_argument("--weight-decay", type=float, default=0.05)
arguments.add_argument("--text-weight", type=float, default=0.3)
arguments.add_argument("--negative", type=int, default=-1, help="index of the negative label")
arguments.add_argument("--dropout", type=float, default=0.0, help="on the embeddings and layers")
for size, value in SHAPES["scratch"].items():
    arguments.add_argument("--" + size.replace("_", "-"), type=int, default=value)
arguments = arguments.parse_args()
prepare(arguments)


def build():
    sizes = {name: getattr(arguments, name) for name in SHAPES["scratch"]}
    config = LlamaConfig(max_position_embeddings=1024, tie_word_embeddings=True, bos_token_id=1,
                         eos_token_id=2, attention_dropout=arguments.dropout, **sizes)
    model = LlamaForCausalLM(config)
    if arguments.dropout:
        # Llama has no dropout of its own outside attention; each block's output gets one.
        def drop(_, __, output):
            return torch.nn.functional.dropout(output, arguments.dropout, model.training)
        for layer in model.model.layers:
            layer.self_attn.o_proj.register_forward_hook(drop)
            layer.mlp.register_forward_hook(drop)
    return model


def batches(rows, generator):
    """Rows of similar length together, so that padding costs little; batches in random order."""
    order = sorted(rows, key=lambda row: (len(row["ids"]), generator.random()))
    groups = [order[i:i + arguments.batch] for i in range(0, len(order), arguments.batch)]
    generator.shuffle(groups)
    return groups


def loss_of(model, group, text_weight):
    ids, mask, labels = padded(group)
    targets, shown = ids[:, 1:], mask[:, 1:].float()
    weights = torch.where(labels[:, 1:] != IGNORED, 1.0, text_weight) * shown
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1]
    # Answer tokens and text tokens are averaged apart, so that the weight means what it says.
    each = torch.nn.functional.cross_entropy(logits.float().transpose(1, 2), targets,
                                             reduction="none") * weights
    answer = labels[:, 1:] != IGNORED
    loss = each[answer].mean()
    if text_weight > 0:
        loss = loss + each[~answer].sum() / shown[~answer].sum().clamp(min=1)
    return loss


@torch.inference_mode()
def score(model, rows):
    """Log-probabilities of every continuation, in padded batches."""
    model.eval()
    # Where all answers are one token, one pass over the prompts scores all of them.
    single = all(len(c) == 1 for row in rows for c in row["continuation_ids"])
    results = [[0.0] * len(row["continuation_ids"]) for row in rows]
    items = [(i, j) for i, row in enumerate(rows)
             for j in ([0] if single else range(len(row["continuation_ids"])))]
    items.sort(key=lambda item: len(rows[item[0]]["prompt_ids"]))
    for begin in range(0, len(items), 64):
        part = items[begin:begin + 64]
        sequences = [{"ids": rows[i]["prompt_ids"] +
                      ([] if single else rows[i]["continuation_ids"][j])} for i, j in part]
        ids, mask, _ = padded(sequences)
        with torch.autocast("cpu", torch.bfloat16):
            hidden = model.model(input_ids=ids, attention_mask=mask, use_cache=False)[0]
        for n, (i, j) in enumerate(part):
            start = len(rows[i]["prompt_ids"]) - 1
            if single:
                logits = model.lm_head(hidden[n, start].float()).log_softmax(-1)
                results[i] = [logits[c[0]].item() for c in rows[i]["continuation_ids"]]
            else:
                wanted = torch.tensor(rows[i]["continuation_ids"][j])
                states = hidden[n, start:start + len(wanted)].float()
                logits = model.lm_head(states).log_softmax(-1)
                results[i][j] = logits.gather(-1, wanted[:, None]).sum().item()
    model.train()
    return results


def micro_f1(rows, results):
    correct = predicted = gold = 0
    for row, values in zip(rows, results):
        best = max(range(len(values)), key=values.__getitem__)
        wanted = set(row["gold"]) - {arguments.negative}
        gold += len(wanted)
        if best != arguments.negative:
            predicted += 1
            correct += best in wanted
    return 2 * correct / (predicted + gold) if predicted + gold else 0.0


def main():
    train = read_lines(arguments.train)
    dev = read_lines(arguments.dev) if arguments.dev else None
    test = read_lines(arguments.test)
    model, generator = build(), random.Random(arguments.seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=arguments.rate, betas=(0.9, 0.95),
                                  weight_decay=arguments.weight_decay, fused=True)
    budget, spent, steps, passes = arguments.minutes * 60, 0.0, 0, []
    best, best_weights = -1.0, None
    model.train()
    while spent < budget:
        complete = True
        for group in batches(train, generator):
            started = time.perf_counter()
            share = spent / budget
            if share < arguments.warmup:
                rate = arguments.rate * share / arguments.warmup
            else:
                past = (share - arguments.warmup) / (1 - arguments.warmup)
                rate = arguments.rate * 0.5 * (1 + math.cos(math.pi * past))
            for setting in optimizer.param_groups:
                setting["lr"] = rate
            loss_of(model, group, arguments.text_weight).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            steps += 1
            spent += time.perf_counter() - started
            if spent >= budget:
                complete = False
                break
        # Scoring is outside the budget; relata's own minutes include it.
        if dev is not None:
            value = micro_f1(dev, score(model, dev))
            passes.append({"seconds": round(spent, 1), "f1": value, "whole_pass": complete})
            if value > best:
                best, best_weights = value, copy.deepcopy(model.state_dict())
    if best_weights is not None:
        model.load_state_dict(best_weights)
    results = score(model, test)
    if arguments.out:
        write_lines(arguments.out, [{"logprobs": values} for values in results])
    report({"f1": micro_f1(test, results), "dev": passes, "steps": steps, "seconds": spent,
            "parameters": sum(weight.numel() for weight in model.parameters()),
            "peak_rss_bytes": peak_rss()})


main()
