"""T5 in NF4: relata's folder in Transformers with bitsandbytes, and theirs in relata."""

import pytest

from oracle import assert_close, randomised, torch, transformers
from test_encoder_decoders import PAIRS, SIZES, oracle_logits, our_logits

bitsandbytes = pytest.importorskip("bitsandbytes", reason="the oracle needs bitsandbytes")

WIDE = SIZES | {"d_model": 64, "d_kv": 16, "d_ff": 96, "feed_forward_proj": "gated-gelu"}


def loaded(folder, **options):
    # In evaluation bitsandbytes multiplies in bfloat16 on some CPUs; nothing here drops out.
    return transformers.AutoModelForSeq2SeqLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", device_map="cpu", dropout_rate=0.0,
        **options,
    ).train()  # fmt: skip


@pytest.fixture(scope="module")
def folders(relata, tmp_path_factory):
    folder = tmp_path_factory.mktemp("nf4")
    model = transformers.AutoModelForSeq2SeqLM.from_config(transformers.T5Config(**WIDE))
    randomised(model, 5).save_pretrained(folder / "base")
    done = relata.run("model", "quantize", folder / "base", folder / "ours", "--to", "nf4")
    assert done.returncode == 0, done.stderr
    how = transformers.BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.float32,
    )  # fmt: skip
    loaded(folder / "base", quantization_config=how).save_pretrained(folder / "theirs")
    return folder


@pytest.mark.parametrize("whose", ["ours", "theirs"])
def test_both_load_it(relata, folders, whose):
    model = loaded(folders / whose)
    block = model.encoder.block[0].layer
    assert isinstance(block[0].SelfAttention.q, bitsandbytes.nn.Linear4bit)
    assert not isinstance(block[1].DenseReluDense.wo, bitsandbytes.nn.Linear4bit)
    for options in ([], ["--no-dequantize"]):
        found = our_logits(relata, folders / whose, PAIRS, *options)
        for (source, target), logits in zip(PAIRS, found, strict=True):
            assert_close(logits, oracle_logits(model, source, target))
