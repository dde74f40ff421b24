"""A random T5 of a few weights with a vocabulary of its own, written without Transformers."""

import json

import numpy
import sentencepiece
from safetensors.numpy import save_file


def write_vocabulary(folder, texts):
    """T5's kind: <pad> 0, </s> 1, <unk> 2, as the real one without a "<"; its folder says that texts
    end with </s>."""
    corpus = folder / "corpus.txt"
    corpus.write_text("\n".join(texts) + "\n", encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus), model_prefix=str(folder / "spiece"), vocab_size=300, model_type="unigram",
        pad_id=0, eos_id=1, unk_id=2, bos_id=-1, hard_vocab_limit=False,
        character_coverage=1.0, minloglevel=2)
    corpus.unlink()
    (folder / "spiece.vocab").unlink()
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "T5Tokenizer", "extra_ids": 0, "eos_token": "</s>", "pad_token": "<pad>",
        "unk_token": "<unk>"}))
    return sentencepiece.SentencePieceProcessor(model_file=str(folder / "spiece.model")).vocab_size()


def write_t5(folder, texts, seed=1, width=32, inner=48, layers=2, heads=2, head_width=12):
    """T5 1.1's shape: gated, its head a matrix of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = write_vocabulary(folder, texts)
    draw = numpy.random.default_rng(seed)
    tensors = {}

    def matrix(name, rows, columns):
        tensors[name + ".weight"] = draw.normal(0, 0.2, (rows, columns))

    def norm(name):
        tensors[name + ".weight"] = 1 + draw.normal(0, 0.1, width)

    def attention(name):
        for part in "qkv":
            matrix(f"{name}.{part}", heads * head_width, width)
        matrix(name + ".o", width, heads * head_width)

    matrix("shared", vocabulary, width)
    matrix("lm_head", vocabulary, width)
    for stack, last in (("encoder", 1), ("decoder", 2)):
        for i in range(layers):
            layer = f"{stack}.block.{i}.layer."
            for part in range(last + 1):
                norm(f"{layer}{part}.layer_norm")
            attention(layer + "0.SelfAttention")
            if last == 2:
                attention(layer + "1.EncDecAttention")
            for name in ("wi_0", "wi_1"):
                matrix(f"{layer}{last}.DenseReluDense.{name}", inner, width)
            matrix(f"{layer}{last}.DenseReluDense.wo", width, inner)
        matrix(f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias", 8, heads)
        norm(f"{stack}.final_layer_norm")
    save_file({name: value.astype(numpy.float32) for name, value in tensors.items()},
              str(folder / "model.safetensors"))
    (folder / "config.json").write_text(json.dumps({
        "model_type": "t5", "architectures": ["T5ForConditionalGeneration"], "vocab_size": vocabulary,
        "d_model": width, "d_kv": head_width, "d_ff": inner, "num_layers": layers, "num_heads": heads,
        "relative_attention_num_buckets": 8, "relative_attention_max_distance": 20,
        "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False, "eos_token_id": 1,
        "pad_token_id": 0, "decoder_start_token_id": 0, "torch_dtype": "float32"}))
    return folder
