"""Stage sft: rows of conversations, and their loss, beside Transformers' chat template and model."""
import json
import math

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")

CHATML = ("{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
          "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")
# The end of a turn is not the model's EOS, as in several published models.
ENDS_OTHERWISE = CHATML.replace("<|im_end|>", "<|eot|>")
TALKS = [
    [("user", "Who owns Lund Mill?"), ("assistant", "Tarn Works.")],
    [("system", "Answer in a word."), ("user", "Name the river."), ("assistant", "Po"),
     ("user", "And the town?"), ("assistant", "Turin, Torino, 都灵")],
    [("user", "{'a': 1}\n\nTwo  spaces, a tab\tand 山谷."), ("assistant", " ")],
    # What stands in the markers, too.
    [("user", "a"), ("assistant", "e")],
    [("user", "b"), ("assistant", "end|>\n")],
]


@pytest.fixture(params=[CHATML, ENDS_OTHERWISE], ids=["chatml", "eot"])
def base(tmp_path, request):
    """A model and a byte-level vocabulary with a chat template."""
    folder = tmp_path / "base"
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<|end|>", "<|im_start|>", "<|im_end|>", "<|eot|>"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator([text for talk in TALKS for _, text in talk] * 5, trainer)
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>" if request.param == CHATML else "<|end|>")
    fast.chat_template = request.param
    fast.save_pretrained(folder)
    torch.manual_seed(3)
    config = transformers.LlamaConfig(
        vocab_size=400, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=512, initializer_range=0.2, bos_token_id=None, eos_token_id=fast.eos_token_id)
    model = transformers.LlamaForCausalLM(config).float()
    model.generation_config.eos_token_id = [fast.eos_token_id, fast.convert_tokens_to_ids("<|eot|>")]
    model.save_pretrained(folder)
    return folder


def peer_rows(folder):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    end = tokenizer.convert_tokens_to_ids(
        "<|eot|>" if "<|eot|>" in tokenizer.chat_template else "<|im_end|>")
    rows = []
    for talk in TALKS:
        messages = [{"role": role, "content": text} for role, text in talk]
        for i, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            prompt = tokenizer.apply_chat_template(messages[:i], add_generation_prompt=True,
                                                   tokenize=True, return_dict=False)
            answer = tokenizer(message["content"], add_special_tokens=False)["input_ids"] + [end]
            rows.append({"ids": prompt + answer, "labels": [-100] * len(prompt) + answer})
    return rows


def records(form):
    """The talks as one of the forms in which they are published."""
    out = []
    for talk in TALKS:
        system = dict(talk).get("system")
        turns = [text for role, text in talk if role != "system"]
        if form == "messages":
            out.append({"messages": [{"role": role, "content": text} for role, text in talk]})
        elif form == "sharegpt":
            names = {"user": "human", "assistant": "gpt"}
            out.append({"conversations": [{"from": names[role], "value": text} for role, text in talk
                                          if role != "system"], "system": system, "id": 7})
        else:
            question, _, more = turns[-2].partition("\n")
            pairs = [turns[i:i + 2] for i in range(0, len(turns) - 2, 2)]
            out.append({"instruction": question, "input": more, "output": turns[-1], "system": system or "",
                        "history": pairs})
    return out


def configure(tmp_path, base, data, **more):
    config = {"stage": "sft", "model_name_or_path": str(base), "dataset": str(data), "template": "auto",
              "output_dir": str(tmp_path / "out"), "finetuning_type": "lora", "lora_target": "all",
              "bf16": False, "max_steps": 3, "per_device_train_batch_size": 4, **more}
    path = tmp_path / "sft.yaml"
    path.write_text(json.dumps(config))
    return path


@pytest.mark.parametrize("form", ["messages", "sharegpt", "alpaca"])
@pytest.mark.parametrize("lines", [False, True])
def test_rows_are_the_chat_templates(relata, tmp_path, base, form, lines):
    data = tmp_path / "talks.json"
    rows = records(form)
    data.write_text("".join(json.dumps(row) + "\n" for row in rows) if lines else json.dumps(rows))
    config = configure(tmp_path, base, data)
    done = relata.run("train", config, "--rows", tmp_path / "rows")
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in (tmp_path / "rows/train.jsonl").read_text().splitlines()]
    assert found == peer_rows(base)


def test_the_loss_is_the_models_and_the_adapter_answers(relata, tmp_path, base):
    data = tmp_path / "talks.json"
    data.write_text(json.dumps(records("messages")))
    model = transformers.AutoModelForCausalLM.from_pretrained(base).float().eval()
    rows, loss, tokens = peer_rows(base), 0.0, 0
    with torch.no_grad():
        for row in rows:
            count = sum(label != -100 for label in row["labels"])
            ids, labels = torch.tensor([row["ids"]]), torch.tensor([row["labels"]])
            loss += model(ids, labels=labels).loss.item() * count
            tokens += count
    # At a rate of nothing the adapter stays what it began as, and the loss the base's.
    config = configure(tmp_path, base, data, eval_dataset=str(data), learning_rate=0, eval_steps=1)
    done = relata.run("train", config, "--json", "-q")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["eval_token_probability"]
    # 1e-4 of a loss in nats, as for logits.
    assert found == pytest.approx(math.exp(-loss / tokens), rel=1e-4)
    config = configure(tmp_path, base, data, learning_rate=0.02, max_steps=60, lora_rank=16, overwrite_output_dir=True)
    assert relata.run("train", config, "-q").returncode == 0
    question = {"messages": [{"role": "user", "content": TALKS[0][0][1]}], "max_new_tokens": 20}
    answer, = relata.answers("generate", "-m", base, "--adapter", tmp_path / "out/adapters/sft",
                             requests=[question])
    assert (answer["text"], answer["finish"]) == (TALKS[0][1][1], "eos")
    scored, = relata.answers("score", "-m", base, "--adapter", tmp_path / "out/adapters/sft", requests=[
        {"messages": question["messages"], "continuations": [TALKS[0][1][1], "Lund Mill."]}])
    assert scored["logprobs"][0] > scored["logprobs"][1] + 1
