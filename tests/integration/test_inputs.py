"""Files that people write, as documents: HTML, PDF, Word and plain text."""

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from program import RELATA, ROOT, json_lines, relata

pytestmark = pytest.mark.skipif(not Path(RELATA).exists(), reason=f"{RELATA} is not built")
needs_pdftotext = pytest.mark.skipif(not shutil.which("pdftotext"), reason="no pdftotext here")
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def write_pdf(path, pages, encrypt=""):
    """A PDF of one line a page, by hand; `encrypt` is an encryption dictionary."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", None,
               "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for lines in pages:
        drawn = "BT /F1 12 Tf 72 700 Td " + " ".join(
            f"({line}) Tj 0 -14 Td" for line in lines) + " ET"
        objects.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream")
        objects.append(f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents "
                       f"{len(objects)} 0 R /Resources << /Font << /F1 3 0 R >> >> >>")
        kids.append(len(objects))
    objects[1] = (f"<< /Type /Pages /Count {len(kids)} /Kids ["
                  + " ".join(f"{kid} 0 R" for kid in kids) + "] >>")
    out, places = "%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    out += (f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n<< /Size "
            f"{len(objects) + 1} /Root 1 0 R {encrypt} >>\nstartxref\n{len(out)}\n%%EOF\n")
    path.write_bytes(out.encode("latin-1"))
    return path


# The password's check values are wrong for every password, the empty one too.
ENCRYPTED = ("/ID [<00112233445566778899AABBCCDDEEFF> <00112233445566778899AABBCCDDEEFF>] /Encrypt "
             f"<< /Filter /Standard /V 2 /R 3 /Length 128 /P -44 /O <{'11' * 32}> /U <{'22' * 32}> >>")


def write_docx(path, body, name="word/document.xml"):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(name, f'<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>')
    return path


def paragraph(text):
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def documents(*inputs, code=0, arguments=()):
    return json_lines(relata("data", "convert", "--to", "jsonl", *arguments, *inputs, code=code).out)


@needs_pdftotext
def test_pdf(tmp_path):
    path = write_pdf(tmp_path / "report.pdf", [["Tarn Works owns Lund exam-", "ple. It is old."],
                                               ["The second page."]])
    [document] = documents(path)
    assert document["id"] == "report"
    assert "owns Lund example. It is old." in document["text"]
    second = document["meta"]["pages"][1]
    assert document["text"][second:].startswith("The second page.")
    assert [document["text"][b:e] for b, e in document["sentences"]][-1] == "The second page."


@needs_pdftotext
@pytest.mark.parametrize("content, message", [
    (None, "encrypted"), (b"%PDF-1.4\nnothing", "not a readable PDF"), (b"\x00\x01", "not a readable"),
])
def test_bad_pdf(tmp_path, content, message):
    path = tmp_path / "bad.pdf"
    if content is None:
        write_pdf(path, [["secret"]], ENCRYPTED)
    else:
        path.write_bytes(content)
    error = relata("data", "convert", "--to", "jsonl", path, code=3).err
    assert f"{path}: " in error and message in error


@needs_pdftotext
def test_scan_without_text(tmp_path):
    assert "ocr" in relata("data", "convert", "--to", "jsonl",
                           write_pdf(tmp_path / "scan.pdf", [[]]), code=3).err


def test_pdf_without_pdftotext(tmp_path):
    path = write_pdf(tmp_path / "a.pdf", [["text"]])
    error = relata("data", "convert", "--to", "jsonl", path, code=5, env={"PATH": str(tmp_path)}).err
    assert "poppler-utils" in error


def test_a_file_that_vanishes_before_it_is_read_is_a_skipped_one(tmp_path):
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    os.mkfifo(first)  # what is behind it waits for this one
    second.write_text("two")
    out = tmp_path / "out.jsonl"
    for on_error, code in (("skip", 4), ("stop", 2)):
        second.write_text("two")
        with subprocess.Popen([RELATA, "data", "convert", first, second, "--from", "text", "--on-error", on_error,
                               "-o", out], stderr=subprocess.PIPE, text=True) as program:
            with open(first, "w") as writer:  # opened when the program reads it
                second.unlink()
                writer.write("one")
            errors = program.communicate(timeout=60)[1]
        assert program.returncode == code, errors
    assert [document["text"].strip() for document in json_lines(out.read_text())] == ["one"]
    assert "b.txt: it was removed before it was read" in (tmp_path / "out.jsonl.skipped.txt").read_text()


def test_docx(tmp_path):
    path = write_docx(tmp_path / "letter.docx", paragraph("Tarn &amp; Söhne.") + paragraph("东部。"))
    [document] = documents(path)
    assert document["id"] == "letter" and document["text"] == "Tarn & Söhne.\n\n东部。"
    other = write_docx(tmp_path / "other.docx", paragraph("x"), name="word/document2.xml")
    assert documents(other)[0]["text"] == "x"


def test_html_example():
    [document] = documents(ROOT / "examples/documents/curie.html")
    assert document["meta"]["title"] == "Marie Curie: a short biography"
    assert "Marie Skłodowska Curie (7 November 1867 – 4 July 1934)" in document["text"]
    assert "font-family" not in document["text"] and "document.title" not in document["text"]


@pytest.mark.parametrize("label, codec, text", [
    ("gb2312", "gb18030", "朱镕基访问€区"), ("ks_c_5601-1987", "cp949", "똠방각하"),
    ("iso-8859-1", "cp1252", "“Malmö” costs €5"), ("iso-8859-9", "cp1254", "“Ağrı”"),
    ("x-sjis", "cp932", "①髙橋～"), ("big5", "big5hkscs", "香港嘅"), ("tis-620", "cp874", "ไทย…"),
])
def test_html_encodings_mean_what_browsers_mean(tmp_path, label, codec, text):
    page = f'<!-- <meta charset="koi8-r"> --><meta charset="{label}"><p>{text}</p>'
    (tmp_path / "a.html").write_bytes(page.encode(codec))
    assert documents(tmp_path / "a.html")[0]["text"] == text


def test_html_bytes_outside_the_encoding(tmp_path):
    path = tmp_path / "a.html"
    path.write_bytes(b"<meta charset=gbk>\n<p>\xc4\xe3\xff</p>")
    error = relata("data", "convert", "--to", "jsonl", path, code=3).err
    assert f"{path}:2: " in error and "FF" in error and "gbk" in error


@pytest.mark.parametrize("name, page, text", [
    ("a.html", "<p style='display:none'>ad<p>Beta.</p>", "Beta."),
    ("a.html", "<table><tr><td hidden>id<td>Owner<tr><td>Ann</table>", "Owner\n\nAnn"),
    ("a.html", "<div><span hidden>no</div><p>yes</p>", "yes"),
    ("a.html", "a<!-->b<!--->c<script><!-- '<script>x</script>' --></script>d", "abcd"),
    ("a.html", "AT&ampT &copy2020 caf&eacute Dvo&rcaron;&aacute;k", "AT&T ©2020 café Dvořák"),
    ("a.xhtml", "<html><head><title/><script src='a.js'/></head><p>a</p></html>", "a"),
])
def test_html_as_browsers_read_it(tmp_path, name, page, text):
    (tmp_path / name).write_text(page)
    assert documents(tmp_path / name)[0]["text"] == text


def test_docx_shows_what_word_shows(tmp_path):
    box = f"<w:r><w:pict><w:txbxContent>{paragraph('In a box.')}</w:txbxContent></w:pict></w:r>"
    hidden = "<w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden </w:t></w:r>"
    ruby = ("<w:r><w:ruby><w:rt><w:r><w:t>kan</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>漢</w:t></w:r>"
            "</w:rubyBase></w:ruby></w:r>")
    math = "http://schemas.openxmlformats.org/officeDocument/2006/math"
    formula = f'<m:oMath xmlns:m="{math}"><m:r><m:t>x+1</m:t></m:r></m:oMath>'
    body = (f"<w:p><w:r><w:t>Ann </w:t></w:r>{box}{hidden}{ruby}{formula}"
            "<w:r><w:t> sings.</w:t></w:r></w:p>")
    path = write_docx(tmp_path / "a.docx", body)
    assert documents(path)[0]["text"] == "Ann 漢x+1 sings.\n\nIn a box."


def test_docx_damaged(tmp_path):
    path = tmp_path / "a.docx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml",
                         f'<w:document xmlns:w="{WORD}">{paragraph("Ann")}</w:document>')
    path.write_bytes(path.read_bytes().replace(b"Ann", b"Bob"))
    error = relata("data", "convert", "--to", "jsonl", path, code=3).err
    assert f"{path}: " in error and "word/document.xml" in error and "checksum" in error


def test_the_others_are_done(tmp_path):
    (tmp_path / "1 empty.html").write_bytes(b"")
    (tmp_path / "2 bad.html").write_bytes(b"<p>\xff\xfe\xfd</p>")
    (tmp_path / "3 bomb.docx").write_bytes(b"PK\x03\x04 cut off word/")
    write_docx(tmp_path / "4 good.docx", paragraph("Good."))
    (tmp_path / "5 good.html").write_text("<p>" + "x" * (1 << 20) + "</p>")
    result = relata("data", "convert", "--to", "jsonl", "--on-error", "skip", tmp_path, code=4)
    assert [d["id"] for d in json_lines(result.out)] == ["4 good", "5 good"]
    for name in ("1 empty.html", "2 bad.html", "3 bomb.docx"):
        assert name in result.err
    assert "1 empty.html" in relata("data", "convert", "--to", "jsonl", tmp_path, code=3).err


def write_bomb(path):
    """300 MiB of spaces in 300 KiB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("word/document.xml", "w") as part:
            part.write(f'<w:document xmlns:w="{WORD}">'.encode())
            for _ in range(300):
                part.write(b" " * (1 << 20))
    return path


def test_bomb(tmp_path):
    path = write_bomb(tmp_path / "bomb.docx")
    error = relata("data", "convert", "--to", "jsonl", path, code=3).err
    assert "unpacks to more than 256 MiB" in error
