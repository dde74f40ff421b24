"""Reading speed of dataset formats: Re-DocRED and NYT beside Python's json doing the same job."""
import json
import random
import sys

import run

SHARED = run.ROOT.parent / "shared/data"
FILES = {"docred": ("Re-DocRED dev", SHARED / "redocred/dev_revised.json"),
         "nyt": ("NYT test", SHARED / "nyt/test_triples.json")}
GOAL = 3
SECONDS = 5
BUILD = run.ROOT / "build/bench"


def build():
    """The C++ side, which needs no LibTorch."""
    if not (BUILD / "build.ninja").exists():
        run.run(["cmake", "--preset", "bench", "-B", BUILD, "-DRELATA_TORCH=OFF"],
                stdout="/dev/null")
    run.run(["ninja", "-C", BUILD, "bench_readers"], stdout="/dev/null")
    return BUILD / "bin/bench_readers"


def made_up_words(random_source, count):
    letters = "abcdefghilmnoprstu"
    return ["".join(random_source.choices(letters, k=random_source.randint(2, 9)))
            for _ in range(count)]


def synthetic_docred(path):
    """500 documents with as many sentences, entities and relations as Re-DocRED's."""
    source, documents = random.Random(1), []
    for number in range(500):
        sents = [made_up_words(source, 25) for _ in range(8)]
        vertices = []
        for entity in range(19):
            vertices.append([])
            for mention in range(1 + (entity < 7)):
                sentence, begin = source.randrange(8), source.randrange(22)
                end = begin + source.randint(1, 3)
                vertices[-1].append({
                    "name": " ".join(sents[sentence][begin:end]), "pos": [begin, end],
                    "sent_id": sentence, "type": "PER", "global_pos": [25 * sentence + begin] * 2,
                    "index": f"{entity}_{mention}"})
        labels = [{"h": source.randrange(19), "t": source.randrange(19), "r": "P17",
                   "evidence": [0]} for _ in range(35)]
        documents.append({"title": f"Document {number}", "sents": sents, "vertexSet": vertices,
                          "labels": labels})
    path.write_text(json.dumps(documents), encoding="utf-8")


def synthetic_nyt(path):
    source, records = random.Random(2), []
    for _ in range(5000):
        words = made_up_words(source, 38)
        names = [" ".join(words[at:at + 2]) for at in (3, 12, 21)]
        triples = [[names[0], "/a/b/c", names[1]], [names[1], "/d/e/f", names[2]]]
        records.append({"text": " ".join(words), "triple_list": triples})
    path.write_text(json.dumps(records, indent=4), encoding="utf-8")


def main():
    program, rows = build(), []
    for name, (title, path) in FILES.items():
        if not path.exists():
            print(f"{path} is absent: a synthetic file of its shape stands in", file=sys.stderr)
            title, path = f"synthetic {name}", run.WORK / f"synthetic-{name}.json"
            run.WORK.mkdir(parents=True, exist_ok=True)
            {"docred": synthetic_docred, "nyt": synthetic_nyt}[name](path)
        ours = json.loads(run.run([program, name, path, SECONDS])[0])
        theirs = run.peer("read_json", name, path, SECONDS)
        for count in ("documents", "text_bytes", "mentions", "relations"):
            if ours[count] != theirs[count]:
                sys.exit(f"readers: {title}: {count} {ours[count]} here, {theirs[count]} in Python")
        size = ours["bytes"] / 1e6
        rows.append(run.row(f"{title} to documents", "MB/s", size / ours["seconds"],
                            size / theirs["seconds"], "Python json", GOAL))
        rows.append(run.row(f"{title} to documents, json.load() alone", "MB/s",
                            size / ours["seconds"], size / theirs["load_seconds"], "Python json"))
    # One thread on either side; the file is in the page cache; best of five seconds of readings.
    run.finish("readers", rows, {"threads used": 1})


if __name__ == "__main__":
    main()
