"""Batched greedy generation with Transformers, left padded, with its default cache."""
import time

import torch

from common import load_model, padded, parser, peak_rss, prepare, read_lines, report, write_lines

arguments = parser(__doc__)
arguments.add_argument("--prompts", required=True,
                       help='JSONL {"prompt_ids", "max_new_tokens"}; one limit for all')
arguments.add_argument("--out", help='JSONL {"ids"}, as `relata generate` writes')
arguments.add_argument("--batch", type=int, default=16)
arguments.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
arguments = arguments.parse_args()
prepare(arguments)
model = load_model(arguments.model, getattr(torch, arguments.dtype)).eval()
requests = read_lines(arguments.prompts)
limit = requests[0]["max_new_tokens"]


def run(chosen, count):
    ids, mask, _ = padded([{"ids": request["prompt_ids"]} for request in chosen], left=True)
    with torch.inference_mode():
        out = model.generate(input_ids=ids, attention_mask=mask, do_sample=False, num_beams=1,
                             max_new_tokens=count, pad_token_id=0)
    return out[:, ids.shape[1]:].tolist()


run(requests[:arguments.batch], 2)  # first calls allocate
started, results, prefill = time.perf_counter(), [], 0.0
for begin in range(0, len(requests), arguments.batch):
    results += run(requests[begin:begin + arguments.batch], limit)
seconds = time.perf_counter() - started
# The prompts alone, to tell prefill from decoding.
started = time.perf_counter()
for begin in range(0, len(requests), arguments.batch):
    run(requests[begin:begin + arguments.batch], 1)
prefill = time.perf_counter() - started
if arguments.out:
    write_lines(arguments.out, [{"ids": ids} for ids in results])
generated = sum(len(ids) for ids in results)
report({
    "tokens_per_second": generated / seconds,
    "requests_per_second": len(requests) / seconds,
    "prefill_tokens_per_second": sum(len(r["prompt_ids"]) for r in requests) / prefill,
    "decode_tokens_per_second": (generated - len(results)) / max(seconds - prefill, 1e-9),
    "seconds": seconds,
    "peak_rss_bytes": peak_rss(),
})
