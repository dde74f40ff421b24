// https://encoding.spec.whatwg.org/#names-and-labels
// https://html.spec.whatwg.org/multipage/parsing.html#prescan-a-byte-stream-to-determine-its-encoding
#include "papers/html_encoding.h"

#include <fmt/format.h>
#include <unicode/ucnv.h>

#include <algorithm>
#include <memory>

#include "papers/html_tags.h"
#include "relata/text/utf8.h"

namespace relata::data {
namespace {

// What browsers take a name for where ICU takes it for another encoding, or does not know it.
struct Labels {
  const char* encoding;     // for ICU
  std::string_view labels;  // each between spaces
};
constexpr Labels kLabels[] = {
    {"gb18030",
     " chinese csgb2312 csiso58gb231280 gb18030 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 "
     "x-gbk "},
    {"Big5-HKSCS", " big5 big5-hkscs cn-big5 csbig5 x-x-big5 "},
    {"euc-jp", " cseucpkdfmtjapanese euc-jp x-euc-jp "},
    {"windows-31j", " csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis "},
    {"windows-949",
     " cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 "
     "ksc5601 ksc_5601 windows-949 "},
    {"windows-874", " dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874 "},
    {"windows-1252",
     " ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 "
     "iso8859-1 iso88591 iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii windows-1252 "
     "x-cp1252 x-user-defined "},
    {"windows-1254",
     " cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 "
     "iso_8859-9:1989 l5 latin5 windows-1254 x-cp1254 "},
    {"windows-1250", " x-cp1250 "},
    {"windows-1251", " x-cp1251 "},
    {"windows-1253", " x-cp1253 "},
    {"windows-1255", " x-cp1255 "},
    {"windows-1256", " x-cp1256 "},
    {"windows-1257", " x-cp1257 "},
    {"windows-1258", " x-cp1258 "},
    {"iso-8859-6", " csiso88596e csiso88596i iso-8859-6-e iso-8859-6-i "},
    {"iso-8859-7", " sun_eu_greek "},
    {"iso-8859-8", " csiso88598e csiso88598i iso-8859-8-e iso-8859-8-i logical visual "},
    {"koi8-r", " koi koi8_r "},
    {"koi8-u", " koi8-ru "},
    {"macintosh", " x-mac-roman "},
    {"x-mac-cyrillic", " x-mac-ukrainian "},
};

std::string icu_name(const std::string& label) {
  const std::string word = " " + label + " ";
  for (const Labels& entry : kLabels) {
    if (entry.labels.find(word) != std::string_view::npos) return entry.encoding;
  }
  return label;
}

// The name behind "charset" or "encoding", an equals sign and perhaps a quote. `text` is lowered.
std::string name_behind(std::string_view text, std::string_view word) {
  constexpr std::string_view kInNames = "abcdefghijklmnopqrstuvwxyz0123456789-_.:";
  size_t at = text.find(word);
  if (at == std::string_view::npos) return "";
  at += word.size();
  const auto skip_space = [&] {
    while (at < text.size() && is_html_space(text[at])) ++at;
  };
  skip_space();
  if (at == text.size() || text[at] != '=') return "";
  ++at;
  skip_space();
  if (at < text.size() && (text[at] == '"' || text[at] == '\'')) ++at;
  const size_t end = std::min(text.find_first_not_of(kInNames, at), text.size());
  return std::string(text.substr(at, end - at));
}

std::string meta_charset(const HtmlTag& tag) {
  if (const std::string* charset = tag.find("charset")) {
    return name_behind("charset=" + html_lowered(*charset), "charset");
  }
  const std::string* kind = tag.find("http-equiv");
  const std::string* content = tag.find("content");
  return kind && content && html_lowered(*kind) == "content-type"
             ? name_behind(html_lowered(*content), "charset")
             : "";
}

Error not_in_encoding(std::string_view bytes, std::string_view bad, const std::string& label,
                      const std::string& path) {
  const std::string_view before(bytes.data(), static_cast<size_t>(bad.data() - bytes.data()));
  std::string hexadecimal;
  for (const char c : bad) hexadecimal += fmt::format(" {:02X}", static_cast<unsigned char>(c));
  return input_error(
      fmt::format("{}:{}: the bytes{} are not in the encoding that the page names, \"{}\"", path,
                  1 + std::count(before.begin(), before.end(), '\n'), hexadecimal, label),
      "correct the name in the page if it is wrong; else leave them out with: iconv -c -f " +
          label + " -t UTF-8 FILE > NEW");
}

}  // namespace

std::string html_charset(std::string_view bytes) {
  constexpr size_t kBeginning = 1024;
  const std::string_view head = bytes.substr(0, kBeginning);
  if (html_lowered(head.substr(0, 5)) == "<?xml") {
    const std::string declaration = html_lowered(head.substr(0, behind_html_comment(head, 0)));
    const std::string name = name_behind(declaration, "encoding");
    if (!name.empty()) return name;
  }
  for (size_t at = head.find('<'); at < head.size(); at = head.find('<', at)) {
    if (head.substr(at, 2) == "<!" || head.substr(at, 2) == "<?") {
      at = behind_html_comment(head, at);
    } else if (begins_html_tag(head, at)) {
      const HtmlTag tag = read_html_tag(head, at);
      const std::string name = tag.name == "meta" && !tag.is_end ? meta_charset(tag) : "";
      if (!name.empty()) return name;
    } else {
      ++at;
    }
  }
  return "";
}

Result<std::string> from_encoding(std::string_view bytes, const std::string& label,
                                  const std::string& path) {
  UErrorCode status = U_ZERO_ERROR;
  const std::unique_ptr<UConverter, void (*)(UConverter*)> converter(
      ucnv_open(icu_name(label).c_str(), &status), ucnv_close);
  if (U_FAILURE(status)) {
    return input_error(path + ": unknown encoding \"" + label + "\"",
                       "convert the file to UTF-8, for example with iconv");
  }
  ucnv_setToUCallBack(converter.get(), UCNV_TO_U_CALLBACK_STOP, nullptr, nullptr, nullptr, &status);
  // At most one UTF-16 unit for a byte: only characters of two bytes and more are two units.
  std::u16string units(bytes.size() + 1, u'\0');
  char16_t* out = units.data();
  const char* in = bytes.data();
  ucnv_toUnicode(converter.get(), &out, units.data() + units.size(), &in,
                 bytes.data() + bytes.size(), nullptr, true, &status);
  if (U_FAILURE(status)) {
    char bad[32];  // longer than any character
    int8_t size = sizeof(bad);
    UErrorCode ignored = U_ZERO_ERROR;
    ucnv_getInvalidChars(converter.get(), bad, &size, &ignored);
    return not_in_encoding(bytes, {in - size, static_cast<size_t>(size)}, label, path);
  }
  const auto length = static_cast<size_t>(out - units.data());
  const std::string_view utf16(reinterpret_cast<const char*>(units.data()), length * 2);
  return text::utf16_to_utf8(utf16, false);
}

}  // namespace relata::data
