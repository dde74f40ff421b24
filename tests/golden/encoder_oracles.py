"""Tiny encoders with random weights, and what Transformers makes of texts with them."""

import pytest

from oracle import TOLERANCE, randomised, torch, transformers

tokenizers = pytest.importorskip("tokenizers")

WORDS = "who founded the company and when was it sold again by the board of directors".split()
TEXTS = [
    "a", "", "who founded it?", "The board of directors sold the company again.",
    "Ünïcode naïveté, 東京 and emoji 🙂", " ".join(WORDS * 9), "company company company",
    "when was it sold", "again and again", "x" * 30,
]  # fmt: skip
PAIRS = [
    ("who founded it?", "the company was founded by the board"),
    ("a", ""), ("", "b c"), (" ".join(WORDS * 3), "short"), ("short", " ".join(WORDS * 3)),
    (" ".join(WORDS * 2), " ".join(reversed(WORDS * 2))), ("when", "was it sold again"),
]  # fmt: skip
LENGTH = 40
SIZES = {
    "hidden_size": 30, "intermediate_size": 44, "num_hidden_layers": 3, "num_attention_heads": 6,
    "max_position_embeddings": LENGTH, "layer_norm_eps": 1e-7,
}  # fmt: skip


def wordpiece(folder):
    letters = sorted(set("".join(WORDS)) | set("?.,xü"))
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *("##" + c for c in letters)]
    pieces += [word for word in sorted(set(WORDS)) if len(word) > 1]
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n")
    fast = transformers.BertTokenizerFast(vocab=dict(zip(pieces, range(len(pieces)), strict=True)))
    fast.save_pretrained(folder)
    return len(pieces)


def byte_pairs(folder):
    """RoBERTa's kind: <s> text </s>, two separators between the texts of a pair."""
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    inner = tokenizers.ByteLevelBPETokenizer()
    inner.train_from_iterator([" ".join(WORDS)] * 3, vocab_size=300, special_tokens=specials)
    inner._tokenizer.post_processor = tokenizers.processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner._tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>",
        unk_token="<unk>", cls_token="<s>", sep_token="</s>", mask_token="<mask>",
    ).save_pretrained(folder)  # fmt: skip
    return inner.get_vocab_size()


# Name: model_type, its tokenizer, what differs from SIZES.
CASES = {
    "bert": ("bert", wordpiece, {}),
    "bert_odd_heads": ("bert", wordpiece, {"num_attention_heads": 10, "hidden_act": "gelu_new"}),
    "bert_one_type": ("bert", wordpiece, {"type_vocab_size": 1, "hidden_act": "relu"}),
    "electra": ("electra", wordpiece, {"embedding_size": 30}),
    "roberta": ("roberta", byte_pairs, {"max_position_embeddings": LENGTH + 2, "type_vocab_size": 1,
                                        "pad_token_id": 1}),
    "xlm_roberta": ("xlm-roberta", byte_pairs,
                    {"max_position_embeddings": LENGTH + 2, "type_vocab_size": 1,
                     "pad_token_id": 1, "hidden_act": "silu"}),
    "electra_small": ("electra", wordpiece, {"embedding_size": 14}),
}  # fmt: skip


class Checkpoint:
    def __init__(self, name, folder, labels=None):
        model_type, make_tokenizer, changes = CASES[name]
        vocabulary = make_tokenizer(folder)
        config = transformers.AutoConfig.for_model(
            model_type, **(SIZES | {"vocab_size": vocabulary, "num_labels": labels or 2} | changes)
        )
        kind = transformers.AutoModelForSequenceClassification if labels else transformers.AutoModel
        model = kind.from_config(config, attn_implementation="eager")
        self.model = randomised(model, list(CASES).index(name), 1.0)
        self.model.save_pretrained(folder)
        self.folder = folder
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        self.types = model_type != "roberta" and changes.get("type_vocab_size") != 1


@torch.no_grad()
def oracle_states(model, tokenizer, texts, length):
    batch = tokenizer(texts, padding=True, truncation=True, max_length=length, return_tensors="pt")
    keys = ("input_ids", "attention_mask")
    states = model(**{key: batch[key] for key in keys}).last_hidden_state
    return states, batch["attention_mask"]


def pooled(states, mask, pooling):
    counts = mask.sum(1, keepdim=True)
    inside = mask.unsqueeze(-1)
    if pooling == "cls":
        return states[:, 0]
    if pooling == "lasttoken":
        return states[torch.arange(len(states)), counts.squeeze(1) - 1]
    if pooling == "max":
        return states.masked_fill(inside == 0, -torch.inf).amax(1)
    total = (states * inside).sum(1)
    return total / (counts if pooling == "mean" else counts.sqrt())


def our_vectors(relata, folder, texts, *options):
    found = relata.answers(
        "encode", "-m", folder, *options, requests=[{"text": text} for text in texts]
    )
    return torch.tensor([answer["vector"] for answer in found])


def assert_near(found, wanted):
    assert found.shape == wanted.shape
    worst = (found - wanted).abs().max().item()
    assert worst <= TOLERANCE, f"largest difference {worst:.3g}"
