"""sentence-transformers' encode() over texts; without it, what it does, by Transformers' classes.

Arguments: model folder, file of one JSON string a line, threads. Prints the seconds of encode().
"""
import json
import pathlib
import sys
import time

import torch


def by_sentence_transformers(folder):
    import sentence_transformers

    model = sentence_transformers.SentenceTransformer(folder, device="cpu")
    name = f"sentence-transformers {sentence_transformers.__version__}"
    return name, lambda texts: model.encode(texts, batch_size=32, show_progress_bar=False)


def by_transformers(folder):
    """Sorted by length, batches of 32, padded: as SentenceTransformer.encode() does."""
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()

    @torch.inference_mode()
    def encode(texts):
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        out = [None] * len(texts)
        for begin in range(0, len(order), 32):
            part = order[begin : begin + 32]
            batch = tokenizer([texts[i] for i in part], padding=True, truncation=True,
                              max_length=256, return_tensors="pt")
            states = model(**batch).last_hidden_state
            mask = batch["attention_mask"].unsqueeze(-1)
            vectors = torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=1)
            for i, vector in zip(part, vectors, strict=True):
                out[i] = vector
        return torch.stack(out)

    return f"Transformers {transformers.__version__}, batches as sentence-transformers'", encode


def main():
    folder, path, threads = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    texts = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    try:
        name, encode = by_sentence_transformers(folder)
    except ImportError:
        name, encode = by_transformers(folder)
    encode(texts[:32])
    started = time.perf_counter()
    encode(texts)
    print(json.dumps({"seconds": time.perf_counter() - started, "name": name}))


if __name__ == "__main__":
    main()
