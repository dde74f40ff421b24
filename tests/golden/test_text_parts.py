"""Models that also read images: their text part is loaded, and computes what the whole model does."""

import json

import pytest

from oracle import EOS, VOCAB, assert_close, oracle_logits, random_ids, randomised, transformers

safetensors_torch = pytest.importorskip("safetensors.torch")

TEXT = {
    "vocab_size": VOCAB,
    "hidden_size": 36,
    "intermediate_size": 52,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "num_key_value_heads": 1,
    "max_position_embeddings": 64,
    "bos_token_id": 1,
    "eos_token_id": EOS,
    "pad_token_id": 0,
}
IMAGES = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 14,
    "patch_size": 7,
}
GEMMA = {"head_dim": 12, "sliding_window": 7, "query_pre_attn_scalar": 24}
# Name: the class, what is the text part's own, the kind of the other part and what is its own.
CASES = {
    "gemma3": ("Gemma3Config", GEMMA | {"model_type": "gemma3_text"}, "siglip_vision_model", {}),
    "mistral3": ("Mistral3Config", {"model_type": "mistral", "head_dim": 16}, "pixtral", {}),
    "llava": ("LlavaConfig", {"model_type": "llama"}, "clip_vision_model", {}),
    "llava_next": ("LlavaNextConfig", {"model_type": "mistral"}, "clip_vision_model", {}),
    "internvl": (
        "InternVLConfig",
        {"model_type": "qwen2"},
        "internvl_vision",
        {"image_size": [14, 14], "patch_size": [7, 7]},
    ),
}


def made(name, folder):
    class_name, text, kind, images = CASES[name]
    config = getattr(transformers, class_name)(
        text_config=TEXT | text, vision_config=IMAGES | {"model_type": kind} | images
    )
    model = transformers.AutoModelForImageTextToText.from_config(
        config, attn_implementation="eager"
    )
    model = randomised(model, 1, 0.0 if name == "gemma3" else 1.0)
    model.save_pretrained(folder)
    return model


def compare(relata, folder, model):
    ids = random_ids(3, 40)
    (logits,) = relata.logits(folder, [ids])
    assert_close(logits, oracle_logits(model, ids))


@pytest.mark.parametrize("name", CASES)
def test_the_text_part_alone(relata, tmp_path, name):
    model = made(name, tmp_path / "whole")
    compare(relata, tmp_path / "whole", model)
    done = relata.run("model", "export", tmp_path / "whole", tmp_path / "text", "--to", "hf")
    assert done.returncode == 0, done.stderr
    names = safetensors_torch.load_file(str(tmp_path / "text" / "model.safetensors"))
    ours = ("model.layers.", "model.embed_tokens.", "model.norm.", "lm_head.")
    assert all(key.startswith(ours) for key in names)
    compare(relata, tmp_path / "text", model)


@pytest.mark.parametrize("name", ["gemma3", "llava_next"])
def test_names_of_transformers_5(relata, tmp_path, name):
    model = made(name, tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = {}
    for key, value in safetensors_torch.load_file(str(path)).items():
        key = key.removeprefix("language_model.") if "lm_head" in key else "model." + key
        tensors[key.replace("language_model.model.", "language_model.")] = value
    safetensors_torch.save_file(tensors, str(path), metadata={"format": "pt"})
    compare(relata, tmp_path, model)


def test_what_the_whole_says_of_its_parts(relata, tmp_path):
    """Published files have the end of an answer and the type outside, and leave out the usual."""
    model = made("gemma3", tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    for key in ("eos_token_id", "bos_token_id", "model_type", "tie_word_embeddings"):
        config["text_config"].pop(key)
    path.write_text(json.dumps(config | {"eos_token_id": [1, EOS]}))
    compare(relata, tmp_path, model)


def test_other_models_with_images_are_refused_by_name(relata, tmp_path):
    made("llava", tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    for changes, wanted in [
        ({"model_type": "qwen2_5_vl"}, 'model type "qwen2_5_vl" is not supported'),
        (
            {"text_config": config["text_config"] | {"model_type": "ministral3"}},
            'text_config: model type "ministral3" is not supported',
        ),
        ({"text_config": None}, '"text_config" is missing'),
    ]:
        path.write_text(json.dumps(config | changes))
        done = relata.run("model", "logits", tmp_path, requests=[{"ids": [1]}])
        assert done.returncode == 3
        assert wanted in done.stderr
        assert "gemma3" in done.stderr or "text_config" in done.stderr
