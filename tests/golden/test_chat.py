"""`relata tokenizer chat` against what Transformers renders."""

import json
import os
import pathlib
import re
import subprocess

import pytest

from chat_cases import CHATS, EXTRA, REFUSED, SMALL, WEATHER, WHOLE

transformers = pytest.importorskip("transformers", reason="the oracle needs transformers")
pytest.importorskip("jinja2", reason="the oracle needs jinja2")
from transformers.utils.chat_template_utils import render_jinja_template  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
BINARY = pathlib.Path(os.environ.get("RELATA_BIN", ROOT / "build/release/bin/relata"))

pytestmark = pytest.mark.skipif(not BINARY.is_file(), reason=f"{BINARY} is not built")


def relata(folder, requests, *flags):
    lines = "".join(json.dumps(request) + "\n" for request in requests)
    done = subprocess.run([BINARY, "tokenizer", "chat", folder, "--keep-going", *flags],
                          input=lines.encode(), capture_output=True, timeout=300, check=False)
    assert done.returncode in (0, 4), done.stderr.decode()
    answers = [json.loads(line) for line in done.stdout.decode().split("\n")[:-1]]
    assert len(answers) == len(requests)
    return answers


def transformers_answer(request):
    """The text and spans that Transformers gives, or the error."""
    request = dict(request)
    template = request.pop("chat_template")
    messages = [{key: value for key, value in message.items() if value is not None}
                for message in request.pop("messages")]
    try:
        texts, spans = render_jinja_template(
            [messages], chat_template=template,
            return_assistant_tokens_mask="endgeneration" in template, **request)
    except Exception as problem:  # noqa: BLE001  # Jinja lets any Python error through
        return {"error": str(problem)}
    return {"text": texts[0], "generated": [list(span) for span in spans[0]] if spans else []}


def assert_same(requests, answers):
    wrong = []
    for request, answer in zip(requests, answers):
        wanted = transformers_answer(request)
        same = "error" in answer if "error" in wanted else answer == wanted
        if not same:
            wrong.append(f"{request['chat_template']!r}\n  wanted {wanted}\n  found  {answer}")
    assert not wrong, f"{len(wrong)} of {len(requests)} differ:\n" + "\n".join(wrong[:5])


@pytest.mark.parametrize("name", WHOLE)
def test_whole_templates(name, tmp_path):
    requests = [{"messages": chat, "tools": tools, "documents": documents,
                 "add_generation_prompt": prompt, "chat_template": WHOLE[name], **EXTRA}
                for chat in CHATS.values() for tools in (None, [WEATHER])
                for documents in (None, [{"title": "T", "text": "x"}]) for prompt in (False, True)]
    answers = relata(tmp_path, requests)
    assert sum("text" in answer for answer in answers) >= 16
    assert_same(requests, answers)


def test_every_construct(tmp_path):
    assert len(SMALL) + len(WHOLE) >= 40
    requests = [{"messages": CHATS["system"], "tools": None, "chat_template": source, **EXTRA}
                for source in SMALL.values()]
    answers = relata(tmp_path, requests)
    for name, answer in zip(SMALL, answers):
        assert "text" in answer, f"{name}: {answer}"
    assert_same(requests, answers)


def test_refuses_what_jinja_refuses(tmp_path):
    requests = [{"messages": CHATS["system"], "chat_template": source, **EXTRA}
                for source in REFUSED.values()]
    for request, answer in zip(requests, relata(tmp_path, requests)):
        assert "error" in transformers_answer(request), request["chat_template"]
        assert re.search(r"chat_template:\d+:\d+: ", answer["error"]), answer


def shared_folders():
    """Folders of ../shared with a chat template of their own."""
    if not SHARED.is_dir():
        return []
    found = {path.parent for path in SHARED.glob("*/**/chat_template.jinja")}
    for path in SHARED.glob("*/**/tokenizer_config.json"):
        if json.loads(path.read_text(encoding="utf-8")).get("chat_template"):
            found.add(path.parent)
    return sorted(found)


def token_text(token):
    return token["content"] if isinstance(token, dict) else token


@pytest.mark.skipif(not shared_folders(), reason=f"no chat template below {SHARED}")
def test_templates_of_checkpoints():
    for folder in shared_folders():
        config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        file = folder / "chat_template.jinja"
        own = file.read_text(encoding="utf-8") if file.is_file() else config["chat_template"]
        tokens = {key: token_text(value) for key, value in config.items()
                  if key.endswith("_token") and isinstance(value, (str, dict))}
        requests = [{"messages": chat, "tools": tools, "add_generation_prompt": prompt, **more}
                    for chat in CHATS.values() for tools in (None, [WEATHER])
                    for prompt in (False, True) for more in ({}, {"enable_thinking": False})]
        answers = relata(folder, requests)
        assert sum("text" in answer for answer in answers) >= len(requests) // 2
        assert_same([{**request, **tokens, "chat_template": own} for request in requests], answers)


# The wrappers by name, as templates that Transformers can render. A wrapper leaves out BOS, which
# the tokenizer adds.
NAMED = {
    "mistral": "{% for m in messages %}{% if m.role == 'user' %}{{ '[INST] ' + m.content + ' [/INST]' }}{% else %}{{ m.content + eos_token }}{% endif %}{% endfor %}",
    "llama3": "{% for m in messages %}{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' + m.content | trim + '<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}",
    "qwen": "{% for m in messages %}{% if loop.first and m.role != 'system' %}{{ '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}{% endif %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    "chatglm2": "{% for m in messages %}{% if m.role == 'user' %}{{ '[Round ' ~ (loop.index0 // 2 + 1) ~ ']\n\n问：' ~ m.content ~ '\n\n答：' }}{% else %}{{ m.content ~ '\n\n' }}{% endif %}{% endfor %}",
    "baichuan2": "{% for m in messages %}{% if m.role == 'user' %}{{ '<reserved_106>' + m.content }}{% else %}{{ '<reserved_107>' + m.content + eos_token }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<reserved_107>' }}{% endif %}",
}


@pytest.mark.parametrize("name", NAMED)
def test_named_wrappers(name, tmp_path):
    texts = ["Who?", "谁创立了它？", "two\nlines"]
    rendered = [render_jinja_template([[{"role": "user", "content": text}]],
                                      chat_template=NAMED[name], add_generation_prompt=True,
                                      eos_token="</s>")[0][0] for text in texts]
    answers = relata(tmp_path, texts, "--wrapper", name)
    assert [answer["text"] for answer in answers] == rendered
    (tmp_path / "chat_template.jinja").write_text(NAMED[name], encoding="utf-8")
    (tmp_path / "tokenizer_config.json").write_text('{"eos_token": "</s>"}', encoding="utf-8")
    own = relata(tmp_path, texts, "--wrapper", "auto")
    assert [answer["text"] for answer in own] == rendered
    assert own[0]["stops"] == answers[0]["stops"]
