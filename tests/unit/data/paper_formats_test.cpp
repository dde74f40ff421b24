// Pages, PDF and Word files as documents.
#include <gtest/gtest.h>
#include <zlib.h>

#include "../../../src/data/papers/docx_text.h"
#include "../../../src/data/papers/html_encoding.h"
#include "../../../src/data/papers/html_text.h"
#include "../../../src/data/papers/zip_reader.h"
#include "relata/data/formats.h"

namespace relata::data {
namespace {

std::string text_of(const std::string& html) { return html_text(html).text; }

TEST(Html, ShowsWhatABrowserShows) {
  EXPECT_EQ(text_of("<p>One\n  <b>two</b>\tthree</p><p>Four<br>five</p>"),
            "One two three\n\nFour\nfive");
  EXPECT_EQ(text_of("a<div>b</div>c"), "a\n\nb\n\nc");
  EXPECT_EQ(text_of("<h1>T</h1>\n<ul>\n<li>a</li>\n<li>b</li></ul>"), "T\n\na\n\nb");
  EXPECT_EQ(text_of("<table><tr><td>a</td> <td>b</td></tr><tr><td>c</table>"), "a\tb\n\nc");
  EXPECT_EQ(text_of("<pre>a\n  b</pre>c"), "a\n  b\n\nc");
  EXPECT_EQ(text_of("in<i>ter</i>national"), "international");
  EXPECT_EQ(text_of("东部<b>文具</b>"), "东部文具");
}

TEST(Html, DropsWhatIsNotText) {
  EXPECT_EQ(text_of("<head><title>T</title><style>p{}</style></head>a<script>if (a<b) "
                    "\"</p>\"</script>b<!-- c > -->d<svg><text>e</text></svg>f"),
            "abdf");
  EXPECT_EQ(text_of("a<div hidden>b<div>c</div>d</div>e<p style='Display : none'>f</p>g"), "aeg");
  EXPECT_EQ(text_of("a<span aria-hidden=\"true\">b</span><span hidden=false>c</span>"), "a");
  EXPECT_EQ(text_of("<template>a<template>b</template>c</template>d<br hidden>e"), "de");
  EXPECT_EQ(html_text("<title> A &amp;\n B </title>x").title, "A & B");
}

TEST(Html, HiddenElementsEndWhereBrowsersEndThem) {
  EXPECT_EQ(text_of("<p style='display:none'>ad<p>Beta.</p>"), "Beta.");
  EXPECT_EQ(text_of("<p hidden>ad<div>Beta.</div>"), "Beta.");
  EXPECT_EQ(text_of("<table><tr><td hidden>id<td>Owner<tr><td>Ann</table>"), "Owner\n\nAnn");
  EXPECT_EQ(text_of("<td hidden>id<td>Owner<tr>"), "Owner");
  EXPECT_EQ(text_of("<table><tr hidden><td>a<tr><td>b<tbody hidden><tr><td>c<tbody><tr><th>d"),
            "b\n\nd");
  EXPECT_EQ(text_of("<table><thead hidden><tr><th>a<tfoot><tr><td>b</table>c"), "b\n\nc");
  EXPECT_EQ(text_of("<div><span hidden>no</div><p>yes</p>"), "yes");
  EXPECT_EQ(text_of("<ul><li hidden>a<ul><li>b</ul>c<li>d</ul>"), "d");
  EXPECT_EQ(text_of("<dl><dt hidden>a<dd>b<dd hidden>c</dl>d"), "b\n\nd");
  EXPECT_EQ(text_of("<ruby>a<rp hidden>(<rt>b</ruby>c"), "abc");
  EXPECT_EQ(text_of("<div><select><option>a<option>b</div>c"), "c");
  EXPECT_EQ(text_of("<div><svg><path></div>c"), "c");
  EXPECT_EQ(text_of("<h2 hidden>a<h2>b</h2>"), "b");
  EXPECT_EQ(text_of("a<svg><path><text>b<p>c"), "a\n\nc");
  // What stays open, or is apart, stays hidden.
  EXPECT_EQ(text_of("<div hidden><ul><li>a</ul>b<p>c<p>d</div>e"), "e");
  EXPECT_EQ(text_of("<div><table hidden><tr><td>a</div>b</table>c</div>"), "c");
  EXPECT_EQ(text_of("<div hidden>a<b>b<p>c</b>d</p>e</div>f"), "f");
  EXPECT_EQ(text_of("<b hidden>a<p>b</b>c</p>d"), "c\n\nd");
  EXPECT_EQ(text_of("<template><table><tr><td>a</template>b"), "b");
  EXPECT_EQ(text_of("<pre>a\n  b<div>c\n  d</div></pre>e\n  f"), "a\n  b\n\nc\n  d\n\ne f");
}

TEST(Html, DeepNestingTakesNoLonger) {
  constexpr size_t kDepth = 100000;
  std::string page = "<p><button>";
  for (size_t i = 0; i < kDepth; ++i) page += "<span>";
  for (size_t i = 0; i < kDepth; ++i) page += "</em><hr>";
  EXPECT_EQ(text_of(page + "a"), "a");
}

TEST(Html, XhtmlHasNoEndTagBehindASlash) {
  const std::string head = "<head><title/><style/><script src='a.js'/></head><body>a";
  EXPECT_EQ(html_text(head, true).text, "a");
  for (const char* begin :
       {"<?xml version='1.0'?><html>", "<html xmlns=\"http://www.w3.org/1999/xhtml\">",
        "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" \"xhtml1.dtd\"><html>"}) {
    EXPECT_EQ(text_of(begin + head), "a") << begin;
  }
  EXPECT_EQ(text_of("<html>" + head), "");
  EXPECT_EQ(text_of("<script src='a.js'/></script>a"), "a");
  EXPECT_EQ(html_text("a<![CDATA[<b>]]>c", true).text, "a<b>c");
  const auto read = parse_dataset("<html><script src='a.js'/><p>a</p></html>", "a.xhtml", {});
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->documents[0].text, "a");
}

TEST(Html, CommentsAndScriptsEndWhereBrowsersEndThem) {
  EXPECT_EQ(text_of("a<!-->b<!--->c<!---->d<!-- e --!>f<!-- g -- h ->-->i"), "abcdfi");
  EXPECT_EQ(text_of("a<script><!-- w(\"<script>x</script>\"); --></script>b"), "ab");
  EXPECT_EQ(text_of("a<script><!-- x --> \"<script>\" </script>b"), "ab");
  EXPECT_EQ(text_of("a<script><!--> \"<script>\" </script>b"), "ab");
  EXPECT_EQ(text_of("a<script>\"</scripts>\"</SCRIPT\n>b<iframe><p></iframe>c"), "abc");
}

TEST(Html, ReferencesOfOldPagesAndOfEuropeanNames) {
  EXPECT_EQ(text_of("AT&ampT &copy2020 caf&eacute a&nbspx &notit; &notin; &frac12x &AMP"),
            "AT&T ©2020 café a\u00A0x ¬it; ∉ ½x &");
  EXPECT_EQ(
      text_of("&ccaron;&Zcaron;&lstrok;&sacute;&ecaron;&Idot;&inodot;&gbreve;&odblac;&IJlig;"),
      "čŽłśěİığőĲ");
  EXPECT_EQ(text_of("&apos;&hyphen;&dash;&lsqb;&comma;&period;&colon;&zhcy;"), "'‐‐[,.:ж");
  EXPECT_EQ(text_of("<pre>a&NewLine;b&Tab;c</pre>"), "a\nb\tc");
  EXPECT_EQ(text_of("&ccaron &lang;"), "&ccaron ⟨");
}

TEST(Html, DecodesReferences) {
  EXPECT_EQ(text_of("&lt;b&gt; &amp;amp; &eacute;&#233;&#xE9; &mdash; &hearts;"),
            "<b> &amp; ééé — ♥");
  EXPECT_EQ(text_of("&#150;&#0;&#xD800;&#x110000;&#99999999999;"), "–\uFFFD\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(text_of("AT&T &unknown; &amp &; &#; &#x;"), "AT&T &unknown; & &; &#; &#x;");
}

TEST(Html, ReadsWhatIsBroken) {
  EXPECT_EQ(text_of("a < b and <3"), "a < b and <3");
  EXPECT_EQ(text_of("a<p title='>'>b</p"), "a\n\nb");
  EXPECT_EQ(text_of("a<!-- never closed"), "a");
  EXPECT_EQ(text_of("a<script>never closed"), "a");
  EXPECT_EQ(text_of("a<p class=\"never closed"), "a");
  EXPECT_EQ(text_of("</div></p>a</b><"), "a<");
  EXPECT_EQ(text_of(""), "");
  const std::string deep(200000, '<');
  EXPECT_EQ(text_of(deep).size(), deep.size());
  const std::string ends = std::string("a<script>") + std::string(200000, '<');
  EXPECT_EQ(text_of(ends), "a");
}

TEST(Html, FileIsOneDocument) {
  const auto read =
      parse_dataset("<!DOCTYPE html><title>T</title><p>Ann sings. Bob reads.", "dir/page.x", {});
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->format, "html");
  ASSERT_EQ(read->documents.size(), 1u);
  EXPECT_EQ(read->documents[0].id, "page");
  EXPECT_EQ(read->documents[0].text, "Ann sings. Bob reads.");
  EXPECT_EQ(read->documents[0].sentences.size(), 2u);
  EXPECT_EQ(read->documents[0].meta["title"], "T");
}

TEST(Html, EncodingThatThePageNames) {
  const auto read =
      parse_dataset("<html><meta charset=windows-1251><p>\xCC\xE8\xF0</p>", "a.html", {});
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->documents[0].text, "Мир");
  for (const char* page : {"<html><p>\xCC\xE8</p>", "<html><meta charset=utf-8><p>\xCC\xE8</p>",
                           "<html><meta charset=no-such><p>\xCC\xE8</p>"}) {
    EXPECT_FALSE(parse_dataset(page, "a.html", {}).ok()) << page;
  }
}

// As browsers take the names: https://encoding.spec.whatwg.org/#names-and-labels
TEST(Html, EncodingsMeanWhatBrowsersMean) {
  const auto decoded = [](const std::string& label, const std::string& bytes) {
    const auto read =
        parse_dataset("<html><meta charset=\"" + label + "\"><p>" + bytes + "</p>", "a.html", {});
    return read.ok() ? read->documents[0].text : "refused: " + read.error().message;
  };
  for (const char* label : {"gb2312", "GBK", "gb_2312-80", "x-gbk", "chinese"}) {
    EXPECT_EQ(decoded(label, "\xC4\xE3\xE9\x46\x81\x30\x84\x36"), "你镕\u00A5") << label;
  }
  for (const char* label : {"euc-kr", "ks_c_5601-1987", "korean"}) {
    EXPECT_EQ(decoded(label, "\xB0\xA1\x8C\x63"), "가똠") << label;
  }
  for (const char* label : {"iso-8859-1", "latin1", "ascii", "us-ascii"}) {
    EXPECT_EQ(decoded(label,
                      "\x93"
                      "a\x94 \x80"),
              "“a” €")
        << label;
  }
  EXPECT_EQ(decoded("iso-8859-9", "\x80\xF0"), "€ğ");
  EXPECT_EQ(decoded("tis-620", "\x80\xA1"), "€ก");
  EXPECT_EQ(decoded("x-sjis", "\x87\x40\x93\xFA"), "①日");
  EXPECT_EQ(decoded("big5", "\xA7\x41\x87\x40"), "你䏰");
  EXPECT_EQ(decoded("euc-jp", "\xC6\xFC"), "日");
  EXPECT_EQ(decoded("iso-2022-jp", "\x1B$BF|\x1B(B"), "日");
  EXPECT_EQ(decoded("iso-8859-2", "\xE8"), "č");
}

TEST(Html, BytesThatTheEncodingLacksAreRefused) {
  for (const auto& [label, bytes] : {std::pair{"gb2312", "\xC4\xE3\xFF"},
                                     {"windows-1253", "\xD2"},
                                     {"shift_jis", "\x93\xFA\x93"}}) {
    const auto read = parse_dataset(
        std::string("<html><meta charset=") + label + ">\n<p>" + bytes + "</p>", "a.html", {});
    ASSERT_FALSE(read.ok()) << label;
    EXPECT_EQ(read.error().message.find("a.html:2: the bytes "), 0u) << read.error().message;
    EXPECT_NE(read.error().message.find(label), std::string::npos) << read.error().message;
  }
}

TEST(Html, FindsTheNameOfTheEncoding) {
  EXPECT_EQ(html_charset("<?xml version='1.0' encoding='KOI8-R'?>"), "koi8-r");
  EXPECT_EQ(html_charset("<p>"), "");
  EXPECT_EQ(html_charset("<?xml version=\"1.0\"?><meta charset=big5>"), "big5");
  EXPECT_EQ(html_charset("<!-- <meta charset=\"koi8-r\"> --><META CHARSET='big5'>"), "big5");
  EXPECT_EQ(html_charset("<script charset=utf-8 src=a></script><meta charset=big5>"), "big5");
  EXPECT_EQ(html_charset("<p>charset=utf-8</p><meta name=d content='charset=utf-8'>"), "");
  EXPECT_EQ(html_charset("<META HTTP-EQUIV=Content-Type CONTENT='text/html;charset = big5'>"),
            "big5");
}

// ---- Word --------------------------------------------------------------------------------------

std::string little(uint64_t value, int size) {
  std::string out;
  for (int i = 0; i < size; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}

std::string deflated(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// An archive of one file.
std::string zip_of(const std::string& name, const std::string& content, int method, int flags = 0) {
  const std::string packed = method == 8 ? deflated(content) : content;
  const uint64_t checksum =
      crc32(0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size()));
  const std::string local = "PK\x03\x04" + little(20, 2) + little(static_cast<uint64_t>(flags), 2) +
                            little(static_cast<uint64_t>(method), 2) + little(0, 4) +
                            little(checksum, 4) + little(packed.size(), 4) +
                            little(content.size(), 4) + little(name.size(), 2) + little(0, 2) +
                            name + packed;
  const std::string directory =
      "PK\x01\x02" + little(20, 2) + little(20, 2) + little(static_cast<uint64_t>(flags), 2) +
      little(static_cast<uint64_t>(method), 2) + little(0, 4) + little(checksum, 4) +
      little(packed.size(), 4) + little(content.size(), 4) + little(name.size(), 2) +
      little(0, 12) + little(0, 4) + name;
  return local + directory + "PK\x05\x06" + little(0, 4) + little(1, 2) + little(1, 2) +
         little(directory.size(), 4) + little(local.size(), 4) + little(0, 2);
}

std::string word_xml(const std::string& body) {
  return "<?xml version=\"1.0\"?><w:document xmlns:w=\"http://schemas.openxmlformats.org/"
         "wordprocessingml/2006/main\" xmlns:mc=\"http://schemas.openxmlformats.org/"
         "markup-compatibility/2006\" xmlns:a=\"http://schemas.openxmlformats.org/drawingml/2006/"
         "main\" xmlns:m=\"http://schemas.openxmlformats.org/officeDocument/2006/math\"><w:body>" +
         body + "</w:body></w:document>";
}

std::string docx_of(const std::string& body) {
  return zip_of("word/document.xml", word_xml(body), 8);
}

std::string run(const std::string& text) { return "<w:r><w:t>" + text + "</w:t></w:r>"; }

TEST(Docx, ParagraphsRunsAndBreaks) {
  const std::string body = "<w:p>" + run("Tarn ") + run("Works &amp; Co") + "</w:p><w:p/><w:p>" +
                           "<w:pPr><w:tabs><w:tab/></w:tabs></w:pPr><w:r><w:t>a</w:t><w:tab/>" +
                           "<w:t>b</w:t><w:br/><w:t>东部</w:t></w:r></w:p>";
  const auto text = docx_text(docx_of(body), "a.docx");
  ASSERT_TRUE(text.ok()) << text.error().message;
  EXPECT_EQ(*text, "Tarn Works & Co\n\na\tb\n东部");
}

TEST(Docx, LeavesOutWhatIsNotThere) {
  const std::string body =
      "<w:p>" + run("a") + "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del>" + "<w:ins>" +
      run("b") + "</w:ins><w:r><w:instrText>PAGE</w:instrText></w:r>" +
      "<mc:AlternateContent><mc:Choice>" + run("c") + "</mc:Choice><mc:Fallback>" + run("twice") +
      "</mc:Fallback></mc:AlternateContent><a:t>drawing</a:t></w:p>";
  EXPECT_EQ(docx_text(docx_of(body), "a.docx").value(), "abc");
}

TEST(Docx, HiddenTextRubyAndFormulas) {
  const auto hidden = [](const std::string& attribute) {
    return "<w:r><w:rPr><w:vanish" + attribute + "/></w:rPr><w:t>no</w:t><w:br/></w:r>";
  };
  const std::string marks =
      "<w:pPr><w:rPr><w:vanish/></w:rPr></w:pPr>" + run("a") + hidden("") + hidden(" w:val=\"1\"") +
      "<w:r><w:rPr><w:vanish "
      "w:val=\"false\"/><w:rPrChange><w:rPr><w:vanish/></w:rPr></w:rPrChange>" +
      "</w:rPr><w:t>b</w:t></w:r>";
  EXPECT_EQ(docx_text(docx_of("<w:p>" + marks + run("c") + "</w:p>"), "a.docx").value(), "abc");
  const std::string ruby = "<w:r><w:ruby><w:rt>" + run("kan") + "</w:rt><w:rubyBase>" + run("漢") +
                           "</w:rubyBase></w:ruby></w:r>";
  const std::string formula = "<m:oMath><m:r><w:rPr><w:i/></w:rPr><m:t>x+1</m:t></m:r></m:oMath>";
  EXPECT_EQ(docx_text(docx_of("<w:p>" + ruby + formula + run(".") + "</w:p>"), "a.docx").value(),
            "漢x+1.");
}

TEST(Docx, TextBoxesFollowTheirParagraph) {
  const auto box = [](const std::string& content) {
    return "<w:r><w:pict><w:txbxContent>" + content + "</w:txbxContent></w:pict></w:r>";
  };
  const std::string tabs = "<w:pPr><w:tabs><w:tab/></w:tabs></w:pPr>";
  const std::string inner = "<w:p>" + run("d") + box("<w:p>" + run("e") + "</w:p>") + "</w:p>";
  const std::string body = "<w:p>" + run("a ") + box("<w:p>" + tabs + run("c") + "</w:p>" + inner) +
                           run("b") + "</w:p><w:p>" + run("f") + "</w:p>";
  EXPECT_EQ(docx_text(docx_of(body), "a.docx").value(), "a b\n\nc\n\nd\n\ne\n\nf");
}

TEST(Docx, ChecksumsTellDamage) {
  std::string stored = zip_of("word/document.xml", word_xml("<w:p>" + run("Ann") + "</w:p>"), 0);
  ASSERT_TRUE(docx_text(stored, "a.docx").ok());
  stored.replace(stored.find("Ann"), 3, "Bob");
  const auto text = docx_text(stored, "a.docx");
  ASSERT_FALSE(text.ok());
  EXPECT_NE(text.error().message.find("word/document.xml has another checksum"), std::string::npos);
}

TEST(Docx, FileIsOneDocument) {
  const std::string bytes = docx_of("<w:p>" + run("Ann sings. Bob reads.") + "</w:p>");
  for (const char* path : {"report.docx", "report"}) {
    const auto read = parse_dataset(bytes, path, {});
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_EQ(read->format, "docx");
    EXPECT_EQ(read->documents[0].id, "report");
    EXPECT_EQ(read->documents[0].sentences.size(), 2u);
  }
  EXPECT_FALSE(parse_dataset(zip_of("a.txt", "x", 0), "a.zip", {}).ok());
}

TEST(Docx, RefusesWhatItCannotRead) {
  const std::string good = docx_of("<w:p>" + run("text") + "</w:p>");
  const auto problem = [](const std::string& bytes) {
    const auto text = docx_text(bytes, "a.docx");
    if (text.ok()) return std::string();
    EXPECT_EQ(text.error().code, ErrorCode::kBadInput);
    EXPECT_EQ(text.error().message.find("a.docx: "), 0u);
    return text.error().message;
  };
  EXPECT_NE(problem("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1..").find("encrypted"), std::string::npos);
  EXPECT_NE(problem(zip_of("word/document.xml", "x", 8, 1)).find("encrypted"), std::string::npos);
  EXPECT_NE(problem(zip_of("other.xml", "x", 0)).find("no Word document"), std::string::npos);
  EXPECT_NE(problem(zip_of("word/document.xml", "<a>", 0)), "");
  EXPECT_NE(problem(zip_of("word/document.xml", "x", 12)), "");
  EXPECT_NE(problem(docx_of("<w:p/>")).find("no text"), std::string::npos);
  EXPECT_NE(problem(""), "");
  // Cut off anywhere, or with any byte changed: an error or a text, never more.
  for (size_t i = 0; i < good.size(); ++i) {
    EXPECT_NE(problem(good.substr(0, i)), "") << i;
    std::string changed = good;
    changed[i] = static_cast<char>(changed[i] ^ 0xFF);
    (void)docx_text(changed, "a.docx");
  }
}

TEST(Docx, BombsDoNotGoOff) {
  const std::string bomb = zip_of("word/document.xml", std::string(size_t{8} << 20, ' '), 8);
  ASSERT_LT(bomb.size(), size_t{16} << 10);
  const auto entries = zip_entries(bomb, "a.docx");
  ASSERT_TRUE(entries.ok());
  size_t seen = 0;
  const Status status =
      unzip(bomb, entries->front(), size_t{1} << 20, "a.docx", [&](std::string_view piece) {
        seen += piece.size();
        return true;
      });
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("unpacks to more than 1 MiB"), std::string::npos);
  EXPECT_LE(seen, size_t{1} << 20);
  const std::string entities =
      "<!DOCTYPE a [<!ENTITY b \"bbbbbbbbbb\"><!ENTITY c \"&b;&b;&b;&b;\">]><a>&c;</a>";
  const auto laughs = docx_text(zip_of("word/document.xml", entities, 0), "a.docx");
  ASSERT_FALSE(laughs.ok());
  EXPECT_NE(laughs.error().message.find("document type"), std::string::npos);
}

// ---- plain text --------------------------------------------------------------------------------

TEST(WholeText, HasTitleAndSentences) {
  ReadOptions options;
  options.whole_file = true;
  const std::string text = "Tarn Works\n\nTarn Works owns a mill. It is old.\n";
  const auto read = parse_dataset(text, "dir/tarn.txt", options);
  ASSERT_TRUE(read.ok());
  ASSERT_EQ(read->documents.size(), 1u);
  EXPECT_EQ(read->documents[0].id, "tarn");
  EXPECT_EQ(read->documents[0].text, text);
  EXPECT_EQ(read->documents[0].sentences.size(), 3u);
  EXPECT_EQ(read->documents[0].meta["title"], "Tarn Works");
  EXPECT_EQ(parse_dataset("One line.\nTwo.", "a.txt", options)->documents[0].meta["title"], "a");
  options.format = "lines";
  EXPECT_EQ(parse_dataset(text, "tarn.txt", options)->documents.size(), 2u);
}

TEST(WholeText, BadFilesAreOneBadRecord) {
  ReadOptions options;
  options.whole_file = true;
  for (const std::string& bad : {std::string(), std::string(" \n"), std::string("a\xFF")}) {
    EXPECT_FALSE(parse_dataset(bad, "a.txt", options).ok());
    ReadOptions skipping = options;
    skipping.on_error = "skip";
    const auto read = parse_dataset(bad, "a.txt", skipping);
    ASSERT_TRUE(read.ok());
    EXPECT_TRUE(read->documents.empty());
    ASSERT_EQ(read->skipped.size(), 1u);
    EXPECT_EQ(read->skipped[0].find("a.txt"), 0u);
  }
}

TEST(WholeText, AMegabyteWithoutASpace) {
  ReadOptions options;
  options.whole_file = true;
  const std::string text(size_t{1} << 20, 'x');
  EXPECT_EQ(parse_dataset(text, "a.txt", options)->documents[0].sentences.size(), 1u);
}

}  // namespace
}  // namespace relata::data
