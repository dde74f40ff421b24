"""`relata pull` against a hub of the tests' own, and models named as a hub names them."""

import hashlib
import json
import os
import shutil
import subprocess
import sys

import pytest

from fake_hub import COMMIT, Hub, blob_id
from program import RELATA, json_lines, relata, toy_recipe, train_toy_model

REPO = "tarn/small-model"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return train_toy_model(tmp_path_factory.mktemp("model"), 256)


@pytest.fixture
def hub(model):
    files = {path.name: path.read_bytes() for path in model.iterdir()}
    files["README.md"] = b"# A small model\n"
    extra = {"pytorch_model.bin": b"pickle", "model.onnx": b"graph", "code.py": b"print()",
             "consolidated.safetensors": b"another form", "onnx/config.json": b"{}"}
    hub = Hub({REPO: {**files, **extra}})
    hub.model_files = set(files)
    yield hub
    hub.close()


@pytest.fixture
def env(hub, tmp_path):
    return {"HF_ENDPOINT": hub.url + "/", "HF_HOME": str(tmp_path / "hf"), "HF_TOKEN": "",
            "HF_HUB_CACHE": "", "HF_HUB_OFFLINE": ""}


def place(env, name="models--tarn--small-model"):
    return os.path.join(env["HF_HOME"], "hub", name)


def test_a_model_is_pulled_and_used_by_its_name(hub, env, model):
    path = relata("pull", REPO, env=env).out.strip()
    assert path == f"{place(env)}/snapshots/{COMMIT}"
    assert set(os.listdir(path)) == hub.model_files
    for name in hub.model_files:
        with open(f"{path}/{name}", "rb") as file:
            assert file.read() == hub.repos[REPO][name]
    request = '{"prompt": "甲公司", "max_new_tokens": 4}\n'
    named = relata("generate", "-m", REPO, stdin=request, env=env).out
    assert json_lines(named) == json_lines(relata("generate", "-m", model, stdin=request).out)
    ids = relata("tokenizer", "encode", REPO, stdin='"甲公司"\n', env=env).out
    assert ids == relata("tokenizer", "encode", model, stdin='"甲公司"\n').out
    hub.close()  # what was pulled needs no hub
    relata("model", "show", REPO, env=env)
    assert relata("pull", REPO, env={**env, "HF_HUB_OFFLINE": "1"}).out.strip() == path


def test_what_is_there_is_not_fetched_again(hub, env):
    relata("pull", REPO, env=env)
    asked = len(hub.files_asked())
    assert asked == len(hub.model_files)
    hub.repos[REPO]["README.md"] = b"# A new card\n"
    hub.repos[REPO]["config.json"] += b"\n"
    path = relata("pull", REPO, env=env).out.strip()
    assert len(hub.files_asked()) == asked + 2
    with open(f"{path}/README.md", "rb") as file:
        assert file.read() == b"# A new card\n"


def test_huggingface_hub_finds_what_was_pulled(hub, env):
    hub_library = pytest.importorskip("huggingface_hub")
    path = relata("pull", REPO, env=env).out.strip()
    cache = os.path.join(env["HF_HOME"], "hub")
    assert hub_library.snapshot_download(REPO, cache_dir=cache, local_files_only=True) == path
    found = hub_library.try_to_load_from_cache(REPO, "config.json", cache_dir=cache)
    assert found == f"{path}/config.json"
    report = hub_library.scan_cache_dir(cache)
    assert not report.warnings
    assert [(repo.repo_id, repo.nb_files) for repo in report.repos] == [
        (REPO, len(hub.model_files))]


def test_what_huggingface_hub_fetched_is_found(hub, env):
    pytest.importorskip("huggingface_hub")
    fetch = ("import sys, huggingface_hub as hub\n"
             "for name in sys.argv[2:]: print(hub.hf_hub_download(sys.argv[1], name))")
    names = sorted(hub.model_files - {"README.md"})
    fetched = subprocess.run([sys.executable, "-c", fetch, REPO, *names],
                             env={**os.environ, **env, "HF_HUB_CACHE": env["HF_HOME"] + "/hub"},
                             capture_output=True, text=True, check=False)
    assert fetched.returncode == 0, fetched.stderr
    assert fetched.stdout.splitlines() == [f"{place(env)}/snapshots/{COMMIT}/{name}"
                                           for name in names]
    asked = len(hub.files_asked())
    relata("model", "show", REPO, env=env)
    relata("pull", REPO, env=env)  # the card alone is missing
    assert hub.files_asked()[asked:] == [f"/{REPO}/resolve/{COMMIT}/README.md"]


def test_a_cut_transfer_goes_on_where_it_ended(hub, env):
    hub.cut["model.safetensors"] = 1000
    hub.busy = 1
    path = relata("pull", REPO, env=env).out.strip()
    with open(f"{path}/model.safetensors", "rb") as file:
        assert file.read() == hub.repos[REPO]["model.safetensors"]
    ranges = [headers["Range"] for path, headers in hub.seen if "Range" in headers]
    assert ranges == ["bytes=1000-"]


@pytest.mark.parametrize("sends_ranges", [True, False])
def test_a_killed_pull_goes_on(hub, env, sends_ranges):
    hub.sends_ranges = sends_ranges
    content = hub.repos[REPO]["model.safetensors"]
    sha = hashlib.sha256(content).hexdigest()
    os.makedirs(f"{place(env)}/blobs")
    with open(f"{place(env)}/blobs/{sha}.incomplete", "wb") as file:
        file.write(content[:5000])
    path = relata("pull", REPO, env=env).out.strip()
    with open(f"{path}/model.safetensors", "rb") as file:
        assert file.read() == content
    assert not [name for name in os.listdir(f"{place(env)}/blobs") if "incomplete" in name]


def test_wrong_content_is_refused_and_nothing_stands_under_the_name(hub, env):
    listing = hub.listing
    wrong = dict(hub.repos[REPO])
    hub.listing = lambda value: listing({**value, "siblings": [
        {**item, "blobId": blob_id(b"something else")} if item["rfilename"] == "config.json"
        else item for item in value["siblings"]]})
    result = relata("pull", REPO, env=env, code=3)
    assert "config.json: what came is not what the hub announced" in result.err
    assert not os.path.exists(f"{place(env)}/refs/main")
    assert "no model of this name was pulled" in relata("model", "show", REPO, env=env, code=2).err
    hub.listing = listing
    assert wrong == hub.repos[REPO]
    relata("pull", REPO, env=env)


@pytest.mark.parametrize("path", ["../outside", "/etc/x.json", "a/../../x.json", ""])
def test_names_that_lead_out_of_the_repository_are_refused(hub, env, path):
    hub.listing = lambda value: {**value, "siblings": [{"rfilename": path, "size": 1}]}
    assert "leads out of the repository" in relata("pull", REPO, env=env, code=3).err


@pytest.mark.parametrize("answer", [b"<html>hello</html>", b"[1, 2]", b'{"sha": 5}', b'{"sha": "x"}',
                                    b'{"siblings": [{"rfilename": 7}]}', b""])
def test_what_is_not_a_hub_is_called_so(hub, env, answer):
    hub.listing = lambda value: answer
    relata("pull", REPO, env=env, code=3)


def test_a_token_is_sent_to_the_hub_and_to_nobody_else(hub, env):
    store = Hub(hub.repos)
    hub.store, hub.token = store, "hf_secret"
    result = relata("pull", REPO, env=env, code=2)
    assert "HF_TOKEN" in result.err and "(401)" in result.err
    # localhost is another host than 127.0.0.1
    store.url = store.url.replace("127.0.0.1", "localhost")
    relata("pull", REPO, env={**env, "HF_TOKEN": "hf_secret"})
    assert store.files_asked() == [f"/{REPO}/resolve/{COMMIT}/model.safetensors"]
    assert all("Authorization" not in headers for _, headers in store.seen)
    store.close()


def test_no_proxy_is_asked_for_what_is_on_this_machine(hub, env):
    nowhere = "http://127.0.0.1:9"
    relata("pull", REPO, env={**env, "http_proxy": nowhere, "no_proxy": "example.org"})


def test_a_token_that_was_left_by_a_login_is_used(hub, env):
    hub.token = "hf_kept"
    os.makedirs(env["HF_HOME"])
    with open(os.path.join(env["HF_HOME"], "token"), "w") as file:
        file.write("hf_kept\n")
    relata("pull", REPO, env=env)


def test_revisions(hub, env):
    result = relata("pull", REPO + "@v9", env=env, code=2)
    assert "(404)" in result.err and "v9" in result.err
    hub.revisions["release/v2"] = COMMIT
    path = relata("pull", REPO + "@release/v2", env=env).out.strip()
    assert path.endswith(COMMIT)
    relata("model", "show", REPO + "@release/v2", env=env)
    relata("model", "show", f"{REPO}@{COMMIT}", env=env)
    assert "was pulled" in relata("model", "show", REPO, env=env, code=2).err


def test_what_cannot_be_had_is_named(hub, env):
    assert "(404)" in relata("pull", "tarn/absent", env=env, code=2).err
    for name in ["absent", "a/b/c", "../x/y", "a/..", "-x/y z"]:
        assert "not the name of a repository" in relata("pull", "--", name, env=env, code=2).err
    offline = relata("pull", REPO, env={**env, "HF_HUB_OFFLINE": "1"}, code=5)
    assert "HF_HUB_OFFLINE" in offline.err
    hub.repos["tarn/pickled"] = {"config.json": b"{}", "pytorch_model.bin": b"x"}
    assert "neither safetensors nor GGUF" in relata("pull", "tarn/pickled", env=env, code=2).err
    assert "no file matches *.zip" in relata("pull", REPO, "--include", "*.zip", env=env,
                                             code=2).err
    hub.close()
    refused = relata("pull", REPO, env=env, code=5)
    assert hub.url in refused.err


def test_a_gguf_is_chosen_by_its_variant(hub, env, tsv, tmp_path):
    tsv.write_bytes(tsv.read_bytes() * 20)
    recipe = toy_recipe(tsv, tmp_path / "out", tokenizer={"vocab_size": 400, "model_type": "bpe"})
    (tmp_path / "r.yaml").write_text(json.dumps(recipe))
    relata("train", tmp_path / "r.yaml")
    relata("model", "export", tmp_path / "out/model", tmp_path / "m.gguf", "--to", "gguf")
    content = (tmp_path / "m.gguf").read_bytes()
    hub.repos["tarn/m-GGUF"] = {"m-Q4_K_M.gguf": content, "m-Q4_K_S.gguf": b"other",
                                "m-Q8_0-00001-of-00002.gguf": b"one",
                                "m-Q8_0-00002-of-00002.gguf": b"two", "README.md": b"#"}
    several = relata("pull", "tarn/m-GGUF", env=env, code=2)
    assert "3 GGUF models" in several.err and "tarn/m-GGUF:Q4_K_M" in several.err
    assert "m-Q4_K_S.gguf" in relata("pull", "tarn/m-GGUF:Q4", env=env, code=2).err
    path = relata("pull", "tarn/m-GGUF:q4_k_m", env=env).out.strip()
    assert path.endswith("/m-Q4_K_M.gguf")
    relata("model", "show", "tarn/m-GGUF", env=env)  # the only one that is here
    relata("pull", "tarn/m-GGUF:Q8_0", env=env)
    assert "2 files of it were pulled" in relata("model", "show", "tarn/m-GGUF", env=env,
                                                 code=2).err
    request = '{"prompt": "甲公司", "max_new_tokens": 4}\n'
    named = relata("generate", "-m", "tarn/m-GGUF:Q4_K_M", stdin=request, env=env).out
    assert json_lines(named) == json_lines(
        relata("generate", "-m", tmp_path / "m.gguf", stdin=request).out)


def test_a_dry_run_lists_and_writes_nothing(hub, env):
    listed = relata("pull", REPO, "--dry-run", "--json", env=env).out
    page = json.loads(listed)
    assert {file["path"] for file in page["files"]} == hub.model_files
    assert page["commit"] == COMMIT
    assert "model.safetensors" in relata("pull", REPO, "--dry-run", env=env).out
    assert not os.path.exists(env["HF_HOME"])


def test_include_fetches_what_it_names(hub, env):
    path = relata("pull", REPO, "--include", "*.bin", "--include", "onnx/*", env=env).out.strip()
    assert sorted(os.listdir(path)) == ["onnx", "pytorch_model.bin"]


def test_an_extractor_trained_on_a_pulled_model_names_it_as_the_hub_does(hub, env, tmp_path, gold):
    relata("pull", REPO, env=env)
    recipe = toy_recipe(gold, tmp_path / "out", model_name_or_path=REPO, finetuning_type="lora")
    for key in ["model", "tokenizer", "dataset_format"]:
        del recipe[key]
    (tmp_path / "r.yaml").write_text(json.dumps(recipe))
    relata("train", tmp_path / "r.yaml", env=env)
    config = (tmp_path / "out/extractor.yaml").read_text()
    assert f"model: {REPO}\n" in config
    (moved := tmp_path / "elsewhere").mkdir()
    shutil.move(str(tmp_path / "out"), str(moved / "out"))
    shutil.move(env["HF_HOME"], str(moved / "hf"))
    elsewhere = {**env, "HF_HOME": str(moved / "hf")}
    relata("extract", "-x", moved / "out", gold, "-o", tmp_path / "found.jsonl", env=elsewhere)
    absent = relata("extract", "-x", moved / "out", gold, env=env, code=2)
    assert f"relata pull {REPO}" in absent.err


def test_a_missing_file_that_could_be_a_hub_name_is_told_as_a_file(tmp_path, extractor, gold):
    config = (extractor / "extractor.yaml").read_text()
    (extractor / "extractor.yaml").write_text(
        "\n".join("model: weights/absent.gguf" if line.startswith("model:") else line
                  for line in config.splitlines()) + "\n")
    result = relata("extract", "-x", extractor, gold, code=2)
    assert "its base model absent.gguf was not found; looked at" in result.err


def test_a_path_that_is_no_hub_name_is_told_by_what_opens_it(tmp_path):
    (tmp_path / "models").mkdir()
    result = subprocess.run([RELATA, "model", "show", "models/absent"], cwd=tmp_path,
                            capture_output=True, text=True, check=False)
    assert result.returncode in (2, 3, 5) and "pull" not in result.stderr
