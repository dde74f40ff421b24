"""A head in the weights of a model whose configuration ties it to the embeddings."""

import json

import pytest

from oracle import assert_close, oracle_logits, random_ids, torch, transformers
from test_export import ADAPTERS, export, random_case, save_tokenizer
from test_peft import add_adapter

safetensors_torch = pytest.importorskip("safetensors.torch")


def config_of(folder):
    return json.loads((folder / "config.json").read_text())


def weights_of(folder):
    return safetensors_torch.load_file(str(folder / "model.safetensors"))


@pytest.fixture
def untied(tmp_path):
    """A folder whose head differs, and its model: Transformers believes the weights."""
    folder = tmp_path / "untied"
    model = random_case("llama")
    model.save_pretrained(folder)
    save_tokenizer(folder)
    config = config_of(folder) | {"tie_word_embeddings": True}
    (folder / "config.json").write_text(json.dumps(config))
    read = transformers.AutoModelForCausalLM.from_pretrained(folder)
    assert torch.equal(read.lm_head.weight, model.lm_head.weight)
    return folder, model


def assert_same(relata, path, model):
    ids = random_ids(4, 40)
    (logits,) = relata.logits(path, [ids])
    assert_close(logits, oracle_logits(model, ids))


def test_one_that_differs_is_used(relata, untied):
    assert_same(relata, *untied)


def test_one_that_differs_is_exported(relata, untied, tmp_path):
    folder, model = untied
    export(relata, folder, tmp_path / "hf", "--to", "hf")
    assert config_of(tmp_path / "hf")["tie_word_embeddings"] is False
    export(relata, folder, tmp_path / "m.gguf", "--to", "gguf")
    for path in (tmp_path / "hf", tmp_path / "m.gguf"):
        assert_same(relata, path, model)


def test_one_that_differs_is_merged(relata, untied, tmp_path):
    folder, model = untied
    adapted = add_adapter(model, 3, **ADAPTERS["plain"])
    adapted.save_pretrained(tmp_path / "adapter")
    done = relata.run(
        "model", "merge", folder, tmp_path / "out", "--adapter", tmp_path / "adapter"
    )
    assert done.returncode == 0, done.stderr
    assert config_of(tmp_path / "out")["tie_word_embeddings"] is False
    assert_same(relata, tmp_path / "out", adapted)


def test_one_that_differs_stays_beside_quantised_weights(relata, untied, tmp_path):
    folder, model = untied
    done = relata.run("model", "quantize", folder, tmp_path / "out", "--to", "nf4")
    assert done.returncode == 0, done.stderr
    assert config_of(tmp_path / "out")["tie_word_embeddings"] is False
    assert torch.equal(weights_of(tmp_path / "out")["lm_head.weight"], model.lm_head.weight)


def test_one_that_is_the_embeddings_is_not_kept(relata, tmp_path):
    folder = tmp_path / "tied"
    random_case("llama", tie_word_embeddings=True).save_pretrained(folder)
    weights = weights_of(folder)
    both = weights | {"lm_head.weight": weights["model.embed_tokens.weight"].clone()}
    safetensors_torch.save_file(both, str(folder / "model.safetensors"))
    export(relata, folder, tmp_path / "out", "--to", "hf")
    assert config_of(tmp_path / "out")["tie_word_embeddings"] is True
    assert weights_of(tmp_path / "out").keys() == weights.keys()
