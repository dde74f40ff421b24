"""A random encoder of a few weights, written without any library but safetensors."""

import json

import numpy
from safetensors.numpy import load_file, save_file


def write_encoder(folder, seed=1, words=(), width=24, layers=2, heads=3, inner=40, positions=64):
    """BERT with a WordPiece vocabulary of letters and `words`; mean pooling, vectors of length 1."""
    folder.mkdir(parents=True, exist_ok=True)
    letters = sorted(set("abcdefghijklmnopqrstuvwxyz0123456789<>/:;,.\"[]()_-?") | set("".join(words)))
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *("##" + c for c in letters)]
    pieces += sorted({word.lower() for word in words if len(word) > 1})
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    draw = numpy.random.default_rng(seed)
    tensors = {}

    def linear(name, rows, columns):
        tensors[name + ".weight"] = draw.normal(0, 0.2, (rows, columns))
        tensors[name + ".bias"] = draw.normal(0, 0.1, rows)

    def norm(name):
        tensors[name + ".weight"] = 1 + draw.normal(0, 0.1, width)
        tensors[name + ".bias"] = draw.normal(0, 0.1, width)

    for name, rows in (("word", len(pieces)), ("position", positions), ("token_type", 2)):
        tensors[f"embeddings.{name}_embeddings.weight"] = draw.normal(0, 0.2, (rows, width))
    norm("embeddings.LayerNorm")
    for i in range(layers):
        layer = f"encoder.layer.{i}."
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            linear(layer + "attention." + name, width, width)
        norm(layer + "attention.output.LayerNorm")
        linear(layer + "intermediate.dense", inner, width)
        linear(layer + "output.dense", width, inner)
        norm(layer + "output.LayerNorm")
    save_file({name: value.astype(numpy.float32) for name, value in tensors.items()},
              str(folder / "model.safetensors"))
    (folder / "config.json").write_text(json.dumps({
        "model_type": "bert", "architectures": ["BertModel"], "vocab_size": len(pieces),
        "hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": heads,
        "intermediate_size": inner, "max_position_embeddings": positions, "type_vocab_size": 2,
        "hidden_act": "gelu", "layer_norm_eps": 1e-12, "torch_dtype": "float32"}))
    kinds = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    (folder / "modules.json").write_text(json.dumps([
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(kinds)]))
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling/config.json").write_text(
        json.dumps({"word_embedding_dimension": width, "pooling_mode_mean_tokens": True}))
    return folder


def write_cross_encoder(folder, seed=1, words=(), **sizes):
    """The same encoder with a head of one label, as Transformers writes it."""
    write_encoder(folder, seed, words, **sizes)
    tensors = {"bert." + name: value for name, value in load_file(folder / "model.safetensors").items()}
    config = json.loads((folder / "config.json").read_text())
    draw = numpy.random.default_rng(seed)
    for name, rows in (("bert.pooler.dense", config["hidden_size"]), ("classifier", 1)):
        tensors[name + ".weight"] = draw.normal(0, 0.2, (rows, config["hidden_size"]))
        tensors[name + ".bias"] = draw.normal(0, 0.1, rows)
    save_file({name: value.astype(numpy.float32) for name, value in tensors.items()},
              str(folder / "model.safetensors"))
    config.update(architectures=["BertForSequenceClassification"], num_labels=1,
                  id2label={"0": "LABEL_0"}, label2id={"LABEL_0": 0})
    (folder / "config.json").write_text(json.dumps(config))
    return folder
