"""Label scoring with Transformers, one forward pass for each label of each prompt."""
import time

import torch

from common import load_model, parser, peak_rss, prepare, read_lines, report, write_lines

arguments = parser(__doc__)
arguments.add_argument("--prompts", required=True,
                       help='JSONL {"prompt_ids", "continuation_ids"}')
arguments.add_argument("--out", help='JSONL {"logprobs"}, as `relata score` writes')
arguments.add_argument("--limit", type=int, default=8, help="prompts, for this is slow; 0 for all")
arguments.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
arguments = arguments.parse_args()
prepare(arguments)
model = load_model(arguments.model, getattr(torch, arguments.dtype)).eval()
requests = read_lines(arguments.prompts)
requests = requests[:arguments.limit] if arguments.limit else requests


def log_probability(prompt, continuation):
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([prompt + continuation]), use_cache=False,
                       logits_to_keep=len(continuation) + 1).logits[0, :-1].float()
    chosen = logits.log_softmax(-1).gather(-1, torch.tensor(continuation)[:, None])
    return chosen.sum().item()


log_probability(requests[0]["prompt_ids"], requests[0]["continuation_ids"][0])  # allocates
started = time.perf_counter()
results = [{"logprobs": [log_probability(request["prompt_ids"], continuation)
                         for continuation in request["continuation_ids"]]}
           for request in requests]
seconds = time.perf_counter() - started
if arguments.out:
    write_lines(arguments.out, results)
report({
    "prompts_per_second": len(requests) / seconds,
    "labels_per_second": sum(len(r["continuation_ids"]) for r in requests) / seconds,
    "seconds": seconds,
    "prompts": len(requests),
    "peak_rss_bytes": peak_rss(),
})
