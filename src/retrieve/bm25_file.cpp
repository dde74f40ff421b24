// The file of a Bm25Index: a header of fixed size, then the body that its checksum is of.
//
//   header   magic (12 bytes), format version (u32), body's bytes (u64), its SHA-256 (64 letters)
//   body     analyzer's name and revision, k1 and b as bits;
//            the unit's name or "", the number of partition keys, and each; corpus hash;
//            the number of passages, and of each its id, partition and text;
//            the number of terms, and of each, sorted: its letters, the number of its postings, and
//            of each how many passages lie between it and the one before, and the count
//
// Numbers of the header are little-endian; those of the body are written in groups of seven bits,
// the lowest first; a string is its length and its bytes. Version 1 had neither
// unit nor partition keys.
#include <algorithm>
#include <bit>
#include <cstring>

#include "relata/base/file.h"
#include "relata/base/hash.h"
#include "relata/retrieve/bm25.h"

namespace relata::retrieve {
namespace {

constexpr std::string_view kMagic = "relata-bm25\n";
constexpr uint32_t kFormatVersion = 2;
constexpr uint32_t kVersionWithoutUnit = 1;  // nor partition keys
constexpr size_t kHashLetters = 64;
constexpr size_t kHeaderBytes = kMagic.size() + 4 + 8 + kHashLetters;

template <class Number>
void put_fixed(std::string& out, Number number) {
  for (size_t i = 0; i < sizeof(Number); ++i) {
    out += static_cast<char>(static_cast<uint64_t>(number) >> (8 * i) & 0xFFU);
  }
}

template <class Number>
Number get_fixed(std::string_view bytes, size_t at) {
  uint64_t number = 0;
  for (size_t i = 0; i < sizeof(Number); ++i) {
    number |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  }
  return static_cast<Number>(number);
}

void put(std::string& out, uint64_t number) {
  while (number >= 0x80) {
    out += static_cast<char>((number & 0x7FU) | 0x80U);
    number >>= 7U;
  }
  out += static_cast<char>(number);
}

void put(std::string& out, std::string_view text) {
  put(out, static_cast<uint64_t>(text.size()));
  out += text;
}

// Reads what put() wrote. After the first thing that cannot be right it is `bad` and gives zeros.
class BodyReader {
 public:
  explicit BodyReader(std::string_view body) : rest_(body) {}
  bool bad() const { return bad_; }
  bool at_end() const { return rest_.empty(); }

  uint64_t number(uint64_t most) {
    uint64_t out = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      const uint64_t part = byte & 0x7FU;
      if (shift == 63 && part > 1) break;
      out |= part << shift;
      if (byte < 0x80) return out <= most ? out : fail();
    }
    return fail();
  }

  // A number of things that take at least one byte each.
  uint64_t count() { return number(rest_.size()); }

  std::string text() {
    const uint64_t size = count();
    std::string out(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return out;
  }

 private:
  uint64_t fail() {
    bad_ = true;
    rest_ = {};
    return 0;
  }
  std::string_view rest_;
  bool bad_ = false;
};

Error damaged(const std::string& path, const std::string& what) {
  return input_error(path + ": damaged: " + what, "make it again: relata index build");
}

struct CheckedBody {
  std::string_view bytes;
  uint32_t version = kFormatVersion;
};

// The body, if the header vouches for it.
Result<CheckedBody> checked_body(std::string_view bytes, const std::string& path) {
  if (!bytes.starts_with(kMagic.substr(0, std::min(kMagic.size(), bytes.size()))) ||
      bytes.empty()) {
    return input_error(path + ": is no index of passages",
                       "name a file that `relata index build` wrote");
  }
  if (bytes.size() < kHeaderBytes) return damaged(path, "it ends within its first bytes");
  const auto version = get_fixed<uint32_t>(bytes, kMagic.size());
  if (version != kFormatVersion && version != kVersionWithoutUnit) {
    return input_error(path + ": is of format version " + std::to_string(version) +
                           ", this program reads " + std::to_string(kVersionWithoutUnit) + " and " +
                           std::to_string(kFormatVersion),
                       version > kFormatVersion ? "upgrade relata, or make the index again"
                                                : "make it again: relata index build");
  }
  const auto size = get_fixed<uint64_t>(bytes, kMagic.size() + 4);
  const std::string_view body = bytes.substr(kHeaderBytes);
  if (body.size() != size) {
    return damaged(path, std::to_string(body.size()) + " bytes behind its header, " +
                             std::to_string(size) + " wanted");
  }
  if (sha256_hex(body) != bytes.substr(kMagic.size() + 12, kHashLetters)) {
    return damaged(path, "its checksum is another");
  }
  return CheckedBody{body, version};
}

}  // namespace

// Reads and writes the members of an index.
class IndexFile {
 public:
  static std::string body_of(const Bm25Index& index) {
    std::string out;
    put(out, analyzer_name(index.settings_.analyzer));
    put(out, uint64_t{kAnalyzerRevision});
    put(out, std::bit_cast<uint64_t>(index.settings_.k1));
    put(out, std::bit_cast<uint64_t>(index.settings_.b));
    put(out, index.settings_.unit ? unit_name(*index.settings_.unit) : "");
    put(out, static_cast<uint64_t>(index.settings_.partition_keys.size()));
    for (const std::string& key : index.settings_.partition_keys) put(out, key);
    put(out, index.corpus_.hex());
    put(out, static_cast<uint64_t>(index.entries_.size()));
    for (const auto& entry : index.entries_) {
      put(out, entry.passage.id);
      put(out, entry.passage.partition);
      put(out, entry.passage.text);
    }
    std::vector<const std::string*> terms;
    terms.reserve(index.terms_.size());
    for (const auto& [term, unused] : index.terms_) terms.push_back(&term);
    std::sort(terms.begin(), terms.end(),
              [](const std::string* a, const std::string* b) { return *a < *b; });
    put(out, static_cast<uint64_t>(terms.size()));
    for (const std::string* term : terms) put_term(out, *term, index.terms_.at(*term));
    return out;
  }

  static Result<Bm25Index> index_of(const CheckedBody& body, const std::string& path) {
    BodyReader reader(body.bytes);
    Bm25Settings settings;
    RELATA_CHECK(read_analyzer(reader, path, settings));
    settings.k1 = std::bit_cast<double>(reader.number(UINT64_MAX));
    settings.b = std::bit_cast<double>(reader.number(UINT64_MAX));
    if (body.version != kVersionWithoutUnit) RELATA_CHECK(read_making(reader, path, settings));
    auto made = Bm25Index::make(settings);
    if (!made.ok()) return damaged(path, made.error().message);
    Bm25Index index = std::move(made).value();
    index.corpus_.hex_ = reader.text();
    RELATA_CHECK(read_passages(reader, path, index));
    RELATA_CHECK(read_terms(reader, path, index));
    if (reader.bad() || !reader.at_end()) return damaged(path, "its end is not where it should be");
    index.weigh();
    return index;
  }

 private:
  using Posting = Bm25Index::Posting;

  static void put_term(std::string& out, const std::string& letters, const Bm25Index::Term& term) {
    std::vector<Posting> postings;
    for (const auto& [partition, part] : term.by_partition) {
      postings.insert(postings.end(), part.begin(), part.end());
    }
    std::sort(postings.begin(), postings.end(),
              [](const Posting& a, const Posting& b) { return a.passage < b.passage; });
    put(out, letters);
    put(out, static_cast<uint64_t>(postings.size()));
    uint64_t next = 0;
    for (const Posting& posting : postings) {
      put(out, posting.passage - next);
      put(out, uint64_t{posting.count});
      next = uint64_t{posting.passage} + 1;
    }
  }

  static Status read_analyzer(BodyReader& reader, const std::string& path, Bm25Settings& settings) {
    const std::string name = reader.text();
    const uint64_t revision = reader.number(UINT64_MAX);
    const auto analyzer = analyzer_of_name(name);
    if (reader.bad()) return damaged(path, "it names no analyzer");
    if (!analyzer || revision != kAnalyzerRevision) {
      return input_error(path + ": is stale: its words were made by analyzer " + name +
                             ", revision " + std::to_string(revision) +
                             "; this program has auto, en and zh, revision " +
                             std::to_string(kAnalyzerRevision),
                         "make it again: relata index build");
    }
    settings.analyzer = *analyzer;
    return {};
  }

  static Status read_making(BodyReader& reader, const std::string& path, Bm25Settings& settings) {
    const std::string name = reader.text();
    settings.unit = unit_of_name(name);
    const uint64_t keys = reader.count();
    for (uint64_t i = 0; i < keys && !reader.bad(); ++i) {
      settings.partition_keys.push_back(reader.text());
    }
    if (reader.bad() || (!settings.unit && !name.empty())) {
      return damaged(path, "it does not say what its passages are");
    }
    return {};
  }

  static Status read_passages(BodyReader& reader, const std::string& path, Bm25Index& index) {
    const uint64_t count = std::min<uint64_t>(reader.count(), UINT32_MAX);
    CorpusHash corpus;
    for (uint64_t i = 0; i < count && !reader.bad(); ++i) {
      Passage passage;
      passage.id = reader.text();
      passage.partition = reader.text();
      passage.text = reader.text();
      index.partition_number(passage.partition);
      corpus.add(passage);
      index.entries_.push_back({std::move(passage), 0});
    }
    if (reader.bad()) return damaged(path, "its list of passages is cut short");
    if (corpus.hex() != index.corpus_.hex()) {
      return damaged(path, "its corpus hash is not that of its passages");
    }
    return {};
  }

  static Status read_terms(BodyReader& reader, const std::string& path, Bm25Index& index) {
    const uint64_t count = reader.count();
    for (uint64_t i = 0; i < count && !reader.bad(); ++i) {
      const std::string letters = reader.text();
      const auto [place, is_new] = index.terms_.try_emplace(letters);
      const uint64_t postings = reader.count();
      if (reader.bad() || !is_new || postings == 0) {
        return damaged(path, "term number " + std::to_string(i + 1) + " of " +
                                 std::to_string(count) + " cannot be read");
      }
      if (!read_postings(reader, postings, place->second, index)) {
        return damaged(path,
                       "the passages of term number " + std::to_string(i + 1) + " cannot be read");
      }
    }
    return {};
  }

  static bool read_postings(BodyReader& reader, uint64_t count, Bm25Index::Term& term,
                            Bm25Index& index) {
    uint64_t next = 0;
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t passage = next + reader.number(UINT32_MAX);
      const uint64_t times = reader.number(UINT32_MAX);
      if (reader.bad() || passage >= index.entries_.size() || times == 0) return false;
      const Passage& owner = index.entries_[passage].passage;
      index.add_posting(term, index.partitions_.at(owner.partition),
                        {static_cast<uint32_t>(passage), static_cast<uint32_t>(times)});
      next = passage + 1;
    }
    return true;
  }
};

Status Bm25Index::save(const std::string& path) const {
  const std::string body = IndexFile::body_of(*this);
  std::string out(kMagic);
  put_fixed(out, kFormatVersion);
  put_fixed(out, static_cast<uint64_t>(body.size()));
  out += sha256_hex(body);
  out += body;
  return write_file_atomic(path, out);
}

Result<Bm25Index> Bm25Index::open(const std::string& path) {
  RELATA_TRY(const auto file, MappedFile::open(path));
  const auto bytes = file->bytes();
  RELATA_TRY(const CheckedBody body,
             checked_body({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path));
  return IndexFile::index_of(body, path);
}

}  // namespace relata::retrieve
