"""The same answers under llguidance's masks: mask_llguidance.py TOKENIZER_FOLDER CASES.jsonl

Its grammar is as near as it comes: substrings of the document at word boundaries, or names of the
schema, one a line. It does not keep items distinct.
"""
import json
import pathlib
import sys
import tempfile
import time

import llguidance
import llguidance.numpy
from tokenizers import ByteLevelBPETokenizer


def load(folder):
    tokenizer = ByteLevelBPETokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    with tempfile.TemporaryDirectory() as temporary:
        path = pathlib.Path(temporary) / "tokenizer.json"
        tokenizer.save(str(path))
        # No answer of the cases has the token that is called the last one.
        return tokenizer, llguidance.LLTokenizer(str(path), eos_token=tokenizer.get_vocab_size() - 1)


def grammar(item):
    return llguidance.LLMatcher.grammar_from_lark(
        'start: "none" | item ("\\n" item)*\nitem: ' + item + "\n")


def main():
    folder, cases = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    tokenizer, masks = load(folder)
    bits = llguidance.numpy.allocate_token_bitmask(1, masks.vocab_size)
    tokens, compiles = [], []
    for line in cases.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        started = time.perf_counter_ns()
        matchers = {
            "heads": llguidance.LLMatcher(masks, grammar(
                "%regex " + json.dumps({"substring_words": case["text"]}))),
            "relations": llguidance.LLMatcher(masks, grammar(
                " | ".join(map(json.dumps, case["relations"])))),
        }
        compiles.append(time.perf_counter_ns() - started)
        for answer in case["answers"]:
            matcher = matchers[answer["kind"]]
            matcher.reset()
            for token in tokenizer.encode("\n".join(answer["items"])).ids:
                started = time.perf_counter_ns()
                llguidance.numpy.fill_next_token_bitmask(matcher, bits)
                good = matcher.consume_token(token)
                tokens.append(time.perf_counter_ns() - started)
                if not good:  # its words are not ICU's everywhere
                    break
    tokens.sort()
    compiles.sort()
    print(json.dumps({"peer": "llguidance 1.9", "tokens": len(tokens),
                      "mean_us": sum(tokens) / len(tokens) / 1e3,
                      "median_us": tokens[len(tokens) // 2] / 1e3,
                      "p99_us": tokens[len(tokens) * 99 // 100] / 1e3,
                      "compile_us": compiles[len(compiles) // 2] / 1e3}))


if __name__ == "__main__":
    main()
