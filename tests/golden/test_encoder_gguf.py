"""Encoders as GGUF files: read as Transformers reads the same weights, written as llama.cpp reads them."""

import json
import pathlib

import pytest

from encoder_oracles import (
    TEXTS, WORDS, Checkpoint, assert_near, oracle_states, our_vectors, pooled,
)
from oracle import torch

gguf = pytest.importorskip("gguf")

ROOT = pathlib.Path(__file__).resolve().parents[2]
MINILM = ROOT / "models" / "all-minilm-l6-v2"
CLS = 2  # llama.cpp's number


def written(checkpoint, path, pooling):
    """The file that llama.cpp's converter makes: names by the package's own table."""
    config, writer = checkpoint.model.config, gguf.GGUFWriter(str(path), "bert")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_head_count(config.num_attention_heads)
    writer.add_layer_norm_eps(config.layer_norm_eps)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType(pooling))
    vocabulary = checkpoint.tokenizer.get_vocab()
    special = {token: checkpoint.tokenizer.convert_tokens_to_ids(token)
               for token in ("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]")}
    tokens, kinds = [], []
    for token in sorted(vocabulary, key=vocabulary.get):
        kinds.append(gguf.TokenType.CONTROL if token in special else gguf.TokenType.NORMAL)
        inside = token.startswith("##")
        tokens.append(token if token in special else token[2:] if inside else "\u2581" + token)
    writer.add_tokenizer_model("bert")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_type_count(config.type_vocab_size)
    writer.add_bos_token_id(special["[CLS]"])
    writer.add_sep_token_id(special["[SEP]"])
    writer.add_unk_token_id(special["[UNK]"])
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, config.num_hidden_layers)
    for name, value in checkpoint.model.state_dict().items():
        if name.startswith("pooler") or name.endswith("position_ids"):
            continue
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight", ".bias")), value.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.mark.parametrize("name, pooling", [("bert", 1), ("bert", CLS), ("bert_one_type", 1)])
def test_a_file_as_llamacpps_converter_makes_it(relata, tmp_path, name, pooling):
    (tmp_path / "hf").mkdir()
    checkpoint = Checkpoint(name, tmp_path / "hf")
    checkpoint.model.config.hidden_act = "gelu"  # of all such files; the other cases have others
    checkpoint.model.save_pretrained(tmp_path / "hf")
    model = type(checkpoint.model).from_pretrained(tmp_path / "hf", attn_implementation="eager")
    path = tmp_path / "tiny.gguf"
    written(checkpoint, path, pooling)
    states = oracle_states(model.eval(), checkpoint.tokenizer, TEXTS, 40)
    wanted = pooled(*states, "cls" if pooling == CLS else "mean")
    assert_near(our_vectors(relata, path, TEXTS), torch.nn.functional.normalize(wanted, dim=1))


@pytest.mark.parametrize("pooling", [1, CLS, 3])
def test_the_exported_folder_pools_as_the_file(relata, tmp_path, pooling):
    (tmp_path / "hf").mkdir()
    path, out, again = tmp_path / "tiny.gguf", tmp_path / "out", tmp_path / "again.gguf"
    written(Checkpoint("bert", tmp_path / "hf"), path, pooling)
    for arguments in ((path, out, "--to", "hf"), (out, again, "--to", "gguf")):
        done = relata.run("model", "export", *arguments)
        assert done.returncode == 0, done.stderr
    wanted = our_vectors(relata, path, TEXTS)
    assert_near(our_vectors(relata, out, TEXTS), wanted)
    assert_near(our_vectors(relata, again, TEXTS), wanted)
    modules = json.loads((out / "modules.json").read_text())
    assert [module["path"] for module in modules] == ["", "1_Pooling", "2_Normalize"]


def test_its_tokenizer_gives_the_same_ids(relata, tmp_path):
    (tmp_path / "hf").mkdir()
    checkpoint = Checkpoint("bert", tmp_path / "hf")
    written(checkpoint, tmp_path / "tiny.gguf", 1)
    found = [relata.answers("tokenizer", "encode", place, requests=TEXTS)
             for place in (tmp_path / "hf", tmp_path / "tiny.gguf")]
    assert found[0] == found[1]


def test_capitals_in_the_vocabulary_stay(relata, tmp_path):
    (tmp_path / "hf").mkdir()
    checkpoint = Checkpoint("bert", tmp_path / "hf")
    root = json.loads((tmp_path / "hf/tokenizer.json").read_text())
    root["normalizer"]["lowercase"] = False
    root["model"]["vocab"]["Who"] = root["model"]["vocab"].pop("who")
    (tmp_path / "hf/tokenizer.json").write_text(json.dumps(root))
    checkpoint.tokenizer = type(checkpoint.tokenizer).from_pretrained(tmp_path / "hf")
    written(checkpoint, tmp_path / "tiny.gguf", 1)
    found = relata.answers("tokenizer", "encode", tmp_path / "tiny.gguf", requests=["Who", "who"])
    assert root["model"]["vocab"]["Who"] in found[0]["ids"]
    assert root["model"]["vocab"]["Who"] not in found[1]["ids"]


def exported(relata, folder, path):
    done = relata.run("model", "export", folder, path, "--to", "gguf")
    assert done.returncode == 0, done.stderr
    return gguf.GGUFReader(path).fields


def same_ids(relata, places, texts):
    found = [relata.answers("tokenizer", "encode", place, requests=texts) for place in places]
    assert found[0] == found[1]


@pytest.mark.parametrize("lower", [True, False])
def test_a_vocabulary_without_tokenizer_json(relata, tmp_path, lower):
    """vocab.txt, as the makers of older models left them. Nothing in it has capitals."""
    folder, path = tmp_path / "hf", tmp_path / "tiny.gguf"
    folder.mkdir()
    Checkpoint("bert", folder)
    (folder / "tokenizer.json").unlink()
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": lower}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    fields = exported(relata, folder, path)
    pieces = (folder / "vocab.txt").read_text().splitlines()
    tokens = fields["tokenizer.ggml.tokens"].contents()
    assert tokens[pieces.index("company")] == "\u2581company"
    assert tokens[pieces.index("##a")] == "a" and tokens[pieces.index("[CLS]")] == "[CLS]"
    for name, token in (("cls", "[CLS]"), ("seperator", "[SEP]"), ("unknown", "[UNK]")):
        assert fields[f"tokenizer.ggml.{name}_token_id"].contents() == pieces.index(token)
    same_ids(relata, (folder, path), [*TEXTS, "Who founded [SEP] Xü", "[MASK]?"])
    wanted = torch.nn.functional.normalize(our_vectors(relata, folder, TEXTS), dim=1)
    assert_near(our_vectors(relata, path, TEXTS), wanted)


def changed_tokenizer(folder, change, **settings):
    folder.mkdir()
    Checkpoint("bert", folder)
    root = json.loads((folder / "tokenizer.json").read_text())
    change(root)
    (folder / "tokenizer.json").write_text(json.dumps(root))
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(config | settings))


def adds_a_word(root):
    root["added_tokens"].append({
        "id": root["model"]["vocab"]["again"], "content": "again", "single_word": False,
        "lstrip": False, "rstrip": False, "normalized": False, "special": False})  # fmt: skip


@pytest.mark.parametrize("settings", [
    {}, {"strip_accents": False}, {"do_lower_case": False, "strip_accents": True}])  # fmt: skip
def test_the_file_says_what_the_tokenizer_does(relata, tmp_path, settings):
    changed_tokenizer(tmp_path / "hf", adds_a_word, **settings)
    exported(relata, tmp_path / "hf", tmp_path / "tiny.gguf")
    texts = [*TEXTS, "againwhen", "Xü Xu xü", "u\u0308 \u00fc"]
    same_ids(relata, (tmp_path / "hf", tmp_path / "tiny.gguf"), texts)


@pytest.mark.parametrize(("settings", "changes"), [
    ({"tokenize_chinese_chars": False}, {}),
    ({}, {"pre_tokenizer": {"type": "WhitespaceSplit"}}),
    ({"tokenizer_class": "PreTrainedTokenizerFast"}, {"post_processor": None})])  # fmt: skip
def test_what_llamacpps_wordpiece_does_not_do(relata, tmp_path, settings, changes):
    changed_tokenizer(tmp_path / "hf", lambda root: root.update(changes), **settings)
    done = relata.run("model", "export", tmp_path / "hf", tmp_path / "a.gguf", "--to", "gguf")
    assert done.returncode == 2 and "llama.cpp" in done.stderr, done.stderr
    assert not (tmp_path / "a.gguf").exists()


@pytest.fixture(scope="module")
def minilm_file(relata, tmp_path_factory):
    if not (MINILM / "model.safetensors").is_file():
        pytest.skip("models/all-minilm-l6-v2 is absent: ./dev models minilm")
    path = tmp_path_factory.mktemp("minilm") / "minilm.gguf"
    done = relata.run("model", "export", MINILM, path, "--to", "gguf", "--dtype", "f32")
    assert done.returncode == 0, done.stderr
    return path


REAL_TEXTS = [*TEXTS, "The quick brown fox jumps over the lazy dog.", " ".join(WORDS * 12)]


def test_minilm_is_read_as_it_was_written(relata, minilm_file):
    assert_near(our_vectors(relata, minilm_file, REAL_TEXTS), our_vectors(relata, MINILM, REAL_TEXTS))


def test_minilm_in_llamacpp(relata, minilm_file):
    llama = pytest.importorskip("xllamacpp", reason="the oracle needs xllamacpp")
    params = llama.CommonParams()
    params.model.path = str(minilm_file)
    params.embedding = True
    params.n_ctx = params.n_batch = params.n_ubatch = 512
    params.n_parallel = 1
    params.n_gpu_layers = 0
    params.warmup = False
    texts = [text for text in REAL_TEXTS if text]
    answer = llama.Server(params).handle_embeddings({"input": texts, "model": "minilm"})
    theirs = torch.tensor([one["embedding"] for one in answer["data"]])
    cosines = torch.nn.functional.cosine_similarity(our_vectors(relata, minilm_file, texts), theirs)
    # Its GELU is the one by tanh, from a table in float16.
    assert cosines.min() > 0.999


def test_heads_over_labels_have_no_form(relata, tmp_path):
    Checkpoint("bert", tmp_path, labels=1)
    done = relata.run("model", "export", tmp_path, tmp_path / "a.gguf", "--to", "gguf")
    assert done.returncode == 2
    assert "head over labels" in done.stderr
