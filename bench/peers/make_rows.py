"""Token rows for the benchmarks, from a table of head, tail, relation and sentence.

Training rows are {"ids", "labels"}: prompt, answer and end token, with labels only on the last two.
Scoring rows are {"prompt_ids", "continuation_ids", "gold"}: every relation of the table as a
continuation, `gold` the indices of the right ones. Without --tokenizer a SentencePiece vocabulary
is trained on the table's sentences and kept beside the rows.
"""
import argparse
import collections
import json
import pathlib

import sentencepiece


def read_table(path):
    """(head, tail, sentence) -> relations, in file order."""
    pairs = collections.OrderedDict()
    for line in path.read_text(encoding="utf-8").splitlines():
        cells = line.strip("\r\n").split("\t")
        if len(cells) == 4:
            head, tail, relation, sentence = cells
            pairs.setdefault((head, tail, sentence), []).append(relation)
    return pairs


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--kind", choices=["train", "score"], default="train")
    parser.add_argument("--tokenizer", type=pathlib.Path, help="a SentencePiece model")
    parser.add_argument("--vocab-size", type=int, default=8000)
    parser.add_argument("--limit", type=int, default=0, help="rows; 0 for all")
    parser.add_argument("--instruction", default="", help="a line in front of every sentence")
    parser.add_argument("--labels", type=pathlib.Path,
                        help="table whose relations are the label list (default: this one)")
    arguments = parser.parse_args()

    pairs = read_table(arguments.table)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    tokenizer = arguments.tokenizer
    if tokenizer is None:
        tokenizer = arguments.out.parent / f"bench-{arguments.vocab_size}.model"
    if not tokenizer.exists():
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sorted({sentence for _, _, sentence in pairs})),
            model_prefix=str(tokenizer.with_suffix("")), vocab_size=arguments.vocab_size,
            byte_fallback=True, normalization_rule_name="identity", character_coverage=0.9995,
            pad_id=-1, hard_vocab_limit=False, minloglevel=2)
    encoder = sentencepiece.SentencePieceProcessor(model_file=str(tokenizer))
    bos, eos = encoder.bos_id(), encoder.eos_id()
    label_pairs = read_table(arguments.labels) if arguments.labels else pairs
    labels = sorted({relation for relations in label_pairs.values() for relation in relations})

    start = arguments.instruction + "\n" if arguments.instruction else ""
    with arguments.out.open("w", encoding="utf-8") as out:
        for count, ((head, tail, sentence), relations) in enumerate(pairs.items()):
            if arguments.limit and count == arguments.limit:
                break
            marked = sentence.replace(head, f"[{head}]").replace(tail, f"[{tail}]")
            prompt = [bos] + encoder.encode(f"{start}[{marked}] ([{head}],?,[{tail}])")
            if arguments.kind == "train":
                text = ",".join(f"([{head}],{relation},[{tail}])" for relation in relations)
                answer = encoder.encode(text) + [eos]
                row = {"ids": prompt + answer, "labels": [-100] * len(prompt) + answer}
            else:
                row = {"prompt_ids": prompt,
                       "continuation_ids": [encoder.encode(f"([{head}],{label},[{tail}])") + [eos]
                                            for label in labels],
                       "gold": sorted({labels.index(relation) for relation in relations})}
            out.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
