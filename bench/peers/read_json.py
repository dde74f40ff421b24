"""read_json.py FORMAT FILE SECONDS: what bench_readers does, with Python's json and plain Python.

Prints one JSON line: the shortest time of one reading into documents (text, entities with the places
of their mentions, relations with evidence), the shortest time of json.load() alone, and the same
counts as bench_readers.
"""
import json
import sys
import time


def read_docred(path):
    with open(path, encoding="utf-8") as file:
        records = json.load(file)
    documents = []
    for record in records:
        places, sentences, words, at = [], [], [], 0
        for sentence in record["sents"]:
            row, begin = [], at
            for token in sentence:
                row.append((at, at + len(token)))
                at += len(token) + 1
            words.extend(sentence)
            places.append(row)
            sentences.append((begin, at - 1))
        text = " ".join(words)
        entities = []
        for vertex in record["vertexSet"]:
            mentions = []
            for mention in vertex:
                row = places[mention["sent_id"]]
                begin, end = mention["pos"]
                mentions.append((row[begin][0], row[end - 1][1], mention["name"]))
            mentions.sort()
            names = [name for _, _, name in mentions]
            entities.append({"id": f"e{len(entities)}", "type": vertex[0]["type"],
                             "text": text[mentions[0][0]:mentions[0][1]],
                             "mentions": [(begin, end) for begin, end, _ in mentions],
                             "names": names})
        relations = [{"head": label["h"], "tail": label["t"], "type": label["r"],
                      "evidence": [sentences[i] for i in label["evidence"]]}
                     for label in record["labels"]]
        documents.append({"id": record["title"], "text": text, "sentences": sentences,
                          "entities": entities, "relations": relations})
    return documents


def is_word(character):
    return character.isascii() and character.isalnum()


def find_mentions(text, name):
    """Whole words, or everything where there are none, as relata's reader does."""
    every, whole, at = [], [], text.find(name)
    while at >= 0:
        end = at + len(name)
        every.append((at, end))
        before, after = text[at - 1:at], text[end:end + 1]
        if not (is_word(before) and is_word(name[0]) or is_word(after) and is_word(name[-1])):
            whole.append((at, end))
        at = text.find(name, end)
    return whole or every


def read_nyt(path):
    with open(path, encoding="utf-8") as file:
        records = json.load(file)
    documents = []
    for number, record in enumerate(records, 1):
        text, entities, index, relations = record["text"], [], {}, []
        for triple in record["triple_list"]:
            ends = []
            for name in (triple[0], triple[2]):
                if name not in index:
                    index[name] = len(entities)
                    entities.append({"id": f"e{len(entities)}", "type": "", "text": name,
                                     "mentions": find_mentions(text, name)})
                ends.append(index[name])
            relations.append({"head": ends[0], "tail": ends[1], "type": triple[1]})
        documents.append({"id": f"nyt-{number}", "text": text, "entities": entities,
                          "relations": relations})
    return documents


def best_of(work, seconds):
    best, result, end = float("inf"), None, time.perf_counter() + seconds
    while True:
        del result
        started = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - started)
        if time.perf_counter() >= end:
            return best, result


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def main():
    name, path, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    read = {"docred": read_docred, "nyt": read_nyt}[name]
    best, documents = best_of(lambda: read(path), seconds)
    counts = {"documents": len(documents),
              "text_bytes": sum(len(d["text"].encode()) for d in documents),
              "mentions": sum(len(e["mentions"]) for d in documents for e in d["entities"]),
              "relations": sum(len(d["relations"]) for d in documents)}
    del documents
    load_only, _ = best_of(lambda: load(path), seconds)
    print(json.dumps({"seconds": best, "load_seconds": load_only} | counts))


if __name__ == "__main__":
    main()
