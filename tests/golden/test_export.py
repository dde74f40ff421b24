"""`relata model export` and `merge`: read again by the gguf package, llama.cpp and Transformers."""

import json
import os
import pathlib

import numpy
import pytest

import plain_models
from oracle import (
    EOS,
    TOLERANCE,
    VOCAB,
    assert_close,
    oracle_greedy,
    oracle_logits,
    random_ids,
    random_model,
    randomised,
    torch,
    transformers,
)
from test_peft import ALL, add_adapter

ROOT = pathlib.Path(__file__).resolve().parents[2]

gguf = pytest.importorskip("gguf", reason="the oracle needs gguf")
tokenizers = pytest.importorskip("tokenizers", reason="the oracle needs tokenizers")

# Every width is a multiple of 32, so that Q8_0 has whole blocks.
SIZES = {
    "vocab_size": VOCAB,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "max_position_embeddings": 64,
    "bos_token_id": 1,
    "eos_token_id": EOS,
    "pad_token_id": 0,
    "tie_word_embeddings": False,
}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
LINEAR = {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0}
GEMMA = {
    "num_hidden_layers": 7,
    "sliding_window": 16,
    "query_pre_attn_scalar": 32,
    "tie_word_embeddings": True,
}
GEMMA_LINEAR = {
    "rope_parameters": {
        "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
        "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
    }
}
QWEN2 = {"hidden_size": 128}  # whose heads are as wide as they are many
CASES = {
    "llama": (transformers.LlamaConfig, {}),
    "llama_tied_biases": (
        transformers.LlamaConfig,
        {"attention_bias": True, "tie_word_embeddings": True},
    ),
    "llama3": (transformers.LlamaConfig, {"rope_parameters": LLAMA3}),
    "llama_linear": (transformers.LlamaConfig, {"rope_parameters": LINEAR}),
    "qwen2": (transformers.Qwen2Config, QWEN2),
    "qwen3": (transformers.Qwen3Config, {}),
    "gemma3": (transformers.Gemma3TextConfig, GEMMA),
    "gemma3_linear": (transformers.Gemma3TextConfig, GEMMA | GEMMA_LINEAR),
    "mistral": (transformers.MistralConfig, {"sliding_window": None}),
}


def save_tokenizer(folder):
    """Byte-level BPE over the visible ASCII characters, with one merge."""
    characters = [chr(c) for c in range(33, 33 + VOCAB - 4)]
    names = ["<pad>", "<s>"] + characters + ["ab", "</s>"]
    vocab = {name: i for i, name in enumerate(names)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocab, merges=[("a", "b")]))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    tokenizer.add_special_tokens(["<pad>", "<s>", "</s>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "pad_token": "<pad>",
        "chat_template": "{% for m in messages %}{{ m['content'] }}{% endfor %}",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def random_case(name, **more):
    config_class, changes = CASES[name]
    model = transformers.AutoModelForCausalLM.from_config(
        config_class(**(SIZES | changes | more)), attn_implementation="eager"
    )
    return randomised(model, list(CASES).index(name), 0.0 if name.startswith("gemma3") else 1.0)


class Case:
    def __init__(self, relata, name, folder):
        self.name, self.base, self.file = name, folder / "base", folder / "model.gguf"
        self.model = random_case(name)
        self.model.save_pretrained(self.base)
        save_tokenizer(self.base)
        export(relata, self.base, self.file, "--to", "gguf")


def export(relata, *arguments):
    done = relata.run("model", "export", *arguments)
    assert done.returncode == 0, done.stderr


def refusal(relata, *arguments, code=2):
    done = relata.run("model", "export", *arguments)
    assert done.returncode == code, done.stderr
    return done.stderr


@pytest.fixture(scope="module", params=CASES, ids=str)
def case(request, relata, tmp_path_factory):
    return Case(relata, request.param, tmp_path_factory.mktemp(request.param))


def test_relata_reads_its_own_file(relata, case):
    ids = random_ids(4, 40)
    (logits,) = relata.logits(case.file, [ids])
    assert_close(logits, oracle_logits(case.model, ids))


def test_llama_cpp_answers_the_same(case):
    llamacpp = pytest.importorskip("llamacpp")
    server = llamacpp.LlamaCpp(case.file)
    tested = 0
    for seed in range(6):
        prompt = random_ids(200 + seed, 5 * seed + 3)
        ids, logprobs, lead = oracle_greedy(case.model, prompt, 6)
        # llama.cpp computes scores and mixtures of values in half precision.
        if lead < 0.05 or EOS in ids:
            continue
        found, found_logprobs = server.greedy(prompt, 6)
        assert found == ids
        assert max(abs(a - b) for a, b in zip(found_logprobs, logprobs, strict=True)) < 0.02
        tested += 1
    assert tested >= 2


def test_there_and_back_again(relata, case, tmp_path):
    export(relata, case.file, tmp_path / "out", "--to", "hf")
    written = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path / "out", attn_implementation="eager"
    ).eval()
    assert written.dtype == torch.float32
    ids = random_ids(4, 40)
    assert_close(oracle_logits(written, ids), oracle_logits(case.model, ids))
    assert (tmp_path / "out" / "tokenizer_config.json").exists()
    wanted = transformers.AutoTokenizer.from_pretrained(case.base)
    found = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    for text in ("Hello,</s>world!", "a<s>b", "abba", "1234"):
        assert found(text)["input_ids"] == wanted(text)["input_ids"]
    export(relata, tmp_path / "out", tmp_path / "again.gguf", "--to", "gguf")
    first, second = (gguf.GGUFReader(path) for path in (case.file, tmp_path / "again.gguf"))
    for a, b in zip(first.tensors, second.tensors, strict=True):
        assert a.name == b.name
        assert numpy.allclose(a.data, b.data, rtol=0, atol=1.2e-7), a.name


def test_metadata(case):
    fields = gguf.GGUFReader(case.file).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    assert len(tokens) == VOCAB and tokens[EOS] == "</s>" and tokens[2] == "!"
    types = fields["tokenizer.ggml.token_type"].contents()
    assert types[0] == types[1] == types[EOS] == gguf.TokenType.CONTROL
    assert types[2] == gguf.TokenType.NORMAL
    assert fields["tokenizer.ggml.pre"].contents() == "gpt-2"
    assert fields["tokenizer.ggml.eos_token_id"].contents() == EOS
    assert fields["tokenizer.ggml.add_bos_token"].contents() is False
    assert "messages" in fields["tokenizer.chat_template"].contents()
    assert fields["general.file_type"].contents() == gguf.LlamaFileType.ALL_F32


def test_llama_rows_lie_as_llama_cpp_wants_them(relata, tmp_path):
    case = Case(relata, "llama_tied_biases", tmp_path)
    tensors = {t.name: t for t in gguf.GGUFReader(case.file).tensors}
    state = case.model.state_dict()

    def pairs(rows, heads):  # halves of a head become neighbours
        return rows.reshape(heads, 2, 16, -1).swapaxes(1, 2).reshape(rows.shape)

    for ours, theirs, heads in (("q", "q_proj", 4), ("k", "k_proj", 2)):
        for end in ("weight", "bias"):
            wanted = state[f"model.layers.1.self_attn.{theirs}.{end}"].numpy()
            found = tensors[f"blk.1.attn_{ours}.{end}"].data
            assert numpy.array_equal(found, pairs(wanted, heads))
    assert numpy.array_equal(
        tensors["blk.0.attn_v.weight"].data, state["model.layers.0.self_attn.v_proj.weight"].numpy()
    )
    assert "output.weight" not in tensors


def test_a_vocabulary_without_tokenizer_json(relata, tmp_path):
    """vocab.json and merges.txt, as the makers of older models left them."""
    case = Case(relata, "llama", tmp_path)
    model = json.loads((case.base / "tokenizer.json").read_text())["model"]
    (case.base / "vocab.json").write_text(json.dumps(model["vocab"]))
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    (case.base / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    (case.base / "tokenizer.json").unlink()
    config = json.loads((case.base / "tokenizer_config.json").read_text())
    (case.base / "tokenizer_config.json").write_text(
        json.dumps(config | {"tokenizer_class": "GPT2Tokenizer"})
    )
    export(relata, case.base, tmp_path / "again.gguf", "--to", "gguf")
    first, second = (gguf.GGUFReader(path).fields for path in (case.file, tmp_path / "again.gguf"))
    for key in ("model", "pre", "tokens", "token_type", "merges", "bos_token_id", "eos_token_id"):
        name = f"tokenizer.ggml.{key}"
        assert second[name].contents() == first[name].contents(), name


@pytest.mark.parametrize(
    ("dtype", "quantized"),
    [("f16", "F16"), ("bf16", "BF16"), ("q8_0", "Q8_0"), ("f32", "F32")],
)
def test_types(relata, tmp_path, dtype, quantized):
    model = random_case("qwen2")
    model.save_pretrained(tmp_path / "base")
    save_tokenizer(tmp_path / "base")
    export(relata, tmp_path / "base", tmp_path / "m.gguf", "--to", "gguf", "--dtype", dtype)
    kind = gguf.GGMLQuantizationType[quantized]
    state = model.state_dict()
    tensors = {t.name: t for t in gguf.GGUFReader(tmp_path / "m.gguf").tensors}
    for ours, theirs in (
        ("token_embd.weight", "model.embed_tokens.weight"),
        ("blk.1.ffn_down.weight", "model.layers.1.mlp.down_proj.weight"),
        ("output.weight", "lm_head.weight"),
    ):
        wanted = gguf.quants.quantize(state[theirs].numpy(), kind)
        assert tensors[ours].tensor_type == kind
        assert numpy.array_equal(tensors[ours].data.view(wanted.dtype), wanted), ours
    for name, tensor in tensors.items():
        if len(tensor.shape) == 1:
            assert tensor.tensor_type == gguf.GGMLQuantizationType.F32, name
    relata.logits(tmp_path / "m.gguf", [[1, 2, 3]])
    shown = json.loads(relata.run("model", "show", tmp_path / "m.gguf", "--json").stdout)
    plain = {"F16": "float16", "BF16": "bfloat16", "F32": "float32"}
    assert shown["dtype"] == plain.get(quantized, quantized)
    assert set(shown["tensor_types"]) == {quantized, "F32"}
    counts = [share["weights"] for share in shown["tensor_types"].values()]
    assert sum(counts) == sum(tensor.n_elements for tensor in tensors.values())
    assert dtype in ("bf16", "q8_0") or shown["computed_dtype"] == "float32"
    if dtype == "q8_0":
        return
    export(relata, tmp_path / "base", tmp_path / "hf", "--to", "hf", "--dtype", dtype)
    again = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "hf")
    types = {"f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32}
    assert again.dtype == types[dtype]
    for name, value in again.state_dict().items():
        assert torch.equal(value, state[name].to(types[dtype])), name


def test_rows_without_blocks_stay_plain(relata, tmp_path):
    random_model(5).save_pretrained(tmp_path / "base")  # 36 wide
    save_tokenizer(tmp_path / "base")
    export(relata, tmp_path / "base", tmp_path / "m.gguf", "--to", "gguf", "--dtype", "q8_0")
    tensors = {t.name: t.tensor_type for t in gguf.GGUFReader(tmp_path / "m.gguf").tensors}
    assert tensors["token_embd.weight"] == gguf.GGMLQuantizationType.F16


# ---- adapters ------------------------------------------------------------------------------------

ADAPTERS = {
    "plain": {"r": 4, "lora_alpha": 8, "target_modules": ALL},
    "rslora": {"r": 9, "lora_alpha": 6, "target_modules": ["q_proj", "k_proj", "down_proj"],
               "use_rslora": True},
    "patterns": {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj", "up_proj"],
                 "rank_pattern": {"v_proj": 2}, "alpha_pattern": {"q_proj": 3}},
    "alpha_0": {"r": 4, "lora_alpha": 0, "target_modules": ["q_proj", "v_proj"],
                "alpha_pattern": {"v_proj": 8}},
}  # fmt: skip


@pytest.mark.parametrize("name", ADAPTERS)
@pytest.mark.parametrize("base", ["llama", "qwen3"])
def test_adapter_in_llama_cpp(relata, tmp_path, base, name):
    llamacpp = pytest.importorskip("llamacpp")
    case = Case(relata, base, tmp_path)
    model = add_adapter(case.model, 3, **ADAPTERS[name])
    model.save_pretrained(tmp_path / "adapter")
    lora = tmp_path / "lora.gguf"
    export(relata, case.base, lora, "--to", "gguf-lora", "--adapter", tmp_path / "adapter")
    export(relata, case.file, tmp_path / "same.gguf", "--to", "gguf-lora", "--adapter",
           tmp_path / "adapter")  # fmt: skip
    assert lora.read_bytes() == (tmp_path / "same.gguf").read_bytes()
    fields = gguf.GGUFReader(lora).fields
    assert fields["general.type"].contents() == "adapter"
    assert fields["adapter.type"].contents() == "lora"
    server = llamacpp.LlamaCpp(case.file, lora)
    tested = 0
    for seed in range(8):
        prompt = random_ids(300 + seed, 4 * seed + 3)
        ids, logprobs, lead = oracle_greedy(model, prompt, 5)
        if lead < 0.05 or EOS in ids:
            continue
        found, found_logprobs = server.greedy(prompt, 5)
        assert found == ids
        assert max(abs(a - b) for a, b in zip(found_logprobs, logprobs, strict=True)) < 0.02
        tested += 1
    assert tested >= 2


def test_an_adapter_of_a_base_that_has_no_gguf_form(relata, tmp_path):
    config = transformers.MistralConfig(**(SIZES | {"sliding_window": 7}))
    model = randomised(transformers.AutoModelForCausalLM.from_config(config), 1)
    model.save_pretrained(tmp_path / "base")
    save_tokenizer(tmp_path / "base")
    add_adapter(model, 3, **ADAPTERS["plain"]).save_pretrained(tmp_path / "adapter")
    lora = tmp_path / "lora.gguf"
    export(relata, tmp_path / "base", lora, "--to", "gguf-lora", "--adapter", tmp_path / "adapter")
    names = {tensor.name for tensor in gguf.GGUFReader(lora).tensors}
    assert "blk.1.attn_q.weight.lora_a" in names


def test_invocation_goes_along(relata, tmp_path):
    case = Case(relata, "llama", tmp_path)
    model = add_adapter(
        case.model, 3, **ADAPTERS["plain"], alora_invocation_tokens=[41, 42]
    )
    model.save_pretrained(tmp_path / "adapter")
    lora = tmp_path / "lora.gguf"
    export(relata, case.base, lora, "--to", "gguf-lora", "--adapter", tmp_path / "adapter")
    fields = gguf.GGUFReader(lora).fields
    assert fields["adapter.alora.invocation_tokens"].contents() == [41, 42]


def test_merged_into_gguf(relata, tmp_path):
    case = Case(relata, "llama", tmp_path)
    model = add_adapter(case.model, 3, **ADAPTERS["plain"])
    model.save_pretrained(tmp_path / "adapter")
    done = relata.run(
        "model", "merge", case.file, tmp_path / "merged.gguf", "--adapter", tmp_path / "adapter"
    )
    assert done.returncode == 0, done.stderr
    ids = random_ids(4, 40)
    (logits,) = relata.logits(tmp_path / "merged.gguf", [ids])
    assert_close(logits, oracle_logits(model, ids))
    with model.disable_adapter():
        assert (torch.tensor(logits) - oracle_logits(model, ids)).abs().max() > 100 * TOLERANCE


# ---- what is refused -----------------------------------------------------------------------------


def save_base(folder, config_class, **changes):
    transformers.AutoModelForCausalLM.from_config(
        config_class(**(SIZES | changes))
    ).save_pretrained(folder)
    save_tokenizer(folder)


@pytest.mark.parametrize(
    ("config", "changes", "words"),
    [
        (transformers.MistralConfig, {"sliding_window": 7}, "sliding window"),
        (transformers.Gemma3TextConfig, GEMMA | {"query_pre_attn_scalar": 24}, "scale"),
        (transformers.Gemma3TextConfig, GEMMA | {"num_hidden_layers": 62}, "scale"),
        (transformers.Gemma3TextConfig,
         GEMMA | {"layer_types": ["full_attention"] * 7}, "sliding layers"),
        (transformers.Qwen3Config, {"attention_bias": True}, "biases"),
        (transformers.LlamaConfig,
         {"rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}},
         "dynamic"),
    ],
)  # fmt: skip
def test_refuses_what_llama_cpp_cannot_say(relata, tmp_path, config, changes, words):
    save_base(tmp_path / "base", config, **changes)
    error = refusal(relata, tmp_path / "base", tmp_path / "m.gguf", "--to", "gguf")
    assert words in error and not (tmp_path / "m.gguf").exists()


def test_the_scale_of_a_gemma_of_62_layers(relata, tmp_path):
    """llama.cpp scales by the width of all heads together where there are 62 layers."""
    scalar = SIZES["hidden_size"] // SIZES["num_attention_heads"]
    assert scalar != SIZES["head_dim"]
    changes = GEMMA | {"num_hidden_layers": 62, "query_pre_attn_scalar": scalar}
    save_base(tmp_path / "base", transformers.Gemma3TextConfig, **changes)
    export(relata, tmp_path / "base", tmp_path / "m.gguf", "--to", "gguf")
    export(relata, tmp_path / "m.gguf", tmp_path / "again", "--to", "hf")
    again = json.loads((tmp_path / "again" / "config.json").read_text())
    assert again["query_pre_attn_scalar"] == scalar


@pytest.mark.parametrize("normalizer", [{"type": "Lowercase"}, {"type": "NFC"}])
def test_refuses_a_tokenizer_that_changes_texts(relata, tmp_path, normalizer):
    save_base(tmp_path / "base", transformers.LlamaConfig)
    root = json.loads((tmp_path / "base" / "tokenizer.json").read_text())
    root["normalizer"] = normalizer
    (tmp_path / "base" / "tokenizer.json").write_text(json.dumps(root))
    error = refusal(relata, tmp_path / "base", tmp_path / "m.gguf", "--to", "gguf")
    assert '"normalizer"' in error and not (tmp_path / "m.gguf").exists()


def test_refuses_other_architectures(relata, tmp_path):
    plain_models.ChatGlm(VOCAB, EOS).save_pretrained(tmp_path / "base")
    error = refusal(relata, tmp_path / "base", tmp_path / "m.gguf", "--to", "gguf")
    assert "chatglm" in error and "export it to hf" in error


def test_refuses_wrong_words(relata, tmp_path):
    case = Case(relata, "llama", tmp_path)
    assert "bf16" in refusal(relata, case.base, tmp_path / "o", "--to", "hf", "--dtype", "int8")
    assert "q8_0" in refusal(relata, case.base, tmp_path / "o", "--to", "hf", "--dtype", "q8_0")
    assert ".gguf" in refusal(relata, case.base, tmp_path / "o", "--to", "gguf")
    assert "--adapter" in refusal(relata, case.base, tmp_path / "o.gguf", "--to", "gguf-lora")
    assert "itself" in refusal(relata, case.base, case.base, "--to", "hf")
    before = case.file.read_bytes()
    assert "itself" in refusal(relata, case.file, case.file, "--to", "gguf")
    assert case.file.read_bytes() == before
    (case.base / "tokenizer.json").unlink()
    error = refusal(relata, case.base, tmp_path / "m.gguf", "--to", "gguf")
    assert "tokenizer" in error


# ---- a tokenizer of another model ----------------------------------------------------------------


def test_a_tokenizer_larger_than_the_embeddings_is_refused(relata, tmp_path):
    save_base(tmp_path / "base", transformers.LlamaConfig)
    path = tmp_path / "base" / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["added_tokens"].append(
        {"id": VOCAB, "content": "<image>", "special": True, "single_word": False,
         "lstrip": False, "rstrip": False, "normalized": False}
    )  # fmt: skip
    path.write_text(json.dumps(tokenizer))
    request = {"prompt_ids": [3, 4], "max_new_tokens": 1}
    relata.answers("generate", "-m", tmp_path / "base", requests=[request])
    tokenizer["added_tokens"][-1] |= {"content": "zebra", "special": False}
    path.write_text(json.dumps(tokenizer))
    done = relata.run("generate", "-m", tmp_path / "base", requests=[request])
    assert done.returncode == 3
    assert '"zebra"' in done.stderr and "97 rows" in done.stderr
    error = refusal(relata, tmp_path / "base", tmp_path / "m.gguf", "--to", "gguf", code=3)
    assert "zebra" in error


# ---- a real model --------------------------------------------------------------------------------

SMOLLM2 = ROOT / "models" / "smollm2-135m-instruct.Q4_1.gguf"


@pytest.mark.skipif(not os.environ.get("FULL_TESTS"), reason="part of ./dev test --full")
@pytest.mark.skipif(not SMOLLM2.exists(), reason="./dev models smollm2 fetches the model")
def test_smollm2_and_an_adapter_answer_the_same_everywhere(relata, tmp_path):
    """relata on the GGUF file as it lies; PEFT on the exported folder; llama.cpp on exported files."""
    peft = pytest.importorskip("peft")
    llamacpp = pytest.importorskip("llamacpp")
    export(relata, SMOLLM2, tmp_path / "hf", "--to", "hf", "--dtype", "f32")
    base = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "hf", dtype=torch.float32)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "hf")
    config = peft.LoraConfig(task_type="CAUSAL_LM", r=8, lora_alpha=16, target_modules="all-linear")
    model = peft.get_peft_model(base, config)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.copy_(0.005 * torch.randn(parameter.shape, generator=generator))
    model.eval().save_pretrained(tmp_path / "adapter")
    export(relata, SMOLLM2, tmp_path / "base.gguf", "--to", "gguf", "--dtype", "f32")
    export(relata, SMOLLM2, tmp_path / "lora.gguf", "--to", "gguf-lora", "--adapter",
           tmp_path / "adapter")  # fmt: skip
    server = llamacpp.LlamaCpp(tmp_path / "base.gguf", tmp_path / "lora.gguf")
    # llama.cpp's answers leave out tokens that are parts of characters, as Chinese ones are here.
    texts = ["The capital of France is", "def add(a, b):\n", "Water boils at",
             "Once upon a time", "The three largest countries of the world are"]  # fmt: skip
    prompts = [tokenizer(text)["input_ids"] for text in texts]
    requests = [{"prompt_ids": prompt, "max_new_tokens": 16} for prompt in prompts]
    options = ("--adapter", tmp_path / "adapter", "--dtype", "float32")
    answers = relata.answers("generate", "-m", SMOLLM2, *options, requests=requests)
    plain = relata.answers("generate", "-m", SMOLLM2, "--dtype", "float32", requests=requests)
    assert [a["ids"] for a in answers] != [a["ids"] for a in plain]
    for prompt, answer in zip(prompts, answers, strict=True):
        with torch.no_grad():
            wanted = model.generate(
                input_ids=torch.tensor([prompt]), max_new_tokens=16, do_sample=False
            )
        count = len(answer["ids"])
        assert wanted[0, len(prompt) :].tolist()[:count] == answer["ids"]
        found, logprobs = server.greedy(prompt, count)
        assert found == answer["ids"]
        for ours, theirs in zip(answer["logprobs"], logprobs, strict=True):
            assert abs(ours - theirs) < 0.02  # llama.cpp's half precision
