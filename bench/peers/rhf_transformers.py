"""AutoRE's way of answering: one question after the other, each with its whole prompt.

Each line of --documents is a list of {"prompt_ids", "max_new_tokens"}. The answer's tokens are taken
as they come; an end token does not end it.
"""
import json
import time

import common
import torch
from transformers import AutoModelForCausalLM


def answer(model, request):
    ids = torch.tensor([request["prompt_ids"]])
    cache = None
    for _ in range(request["max_new_tokens"]):
        out = model(ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache = out.past_key_values
        ids = out.logits[:, -1:].argmax(-1)


def main():
    parser = common.parser(__doc__)
    parser.add_argument("--documents", required=True)
    arguments = parser.parse_args()
    common.prepare(arguments)
    documents = common.read_lines(arguments.documents)
    model = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=torch.bfloat16).eval()
    with torch.inference_mode():
        answer(model, documents[0][0])
        started = time.perf_counter()
        for requests in documents:
            for request in requests:
                answer(model, request)
    print(json.dumps({"seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
