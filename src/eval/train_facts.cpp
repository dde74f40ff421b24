#include <array>
#include <bit>
#include <utility>

#include "parallel.h"
#include "record_fields.h"
#include "record_list.h"
#include "relata/eval/docred.h"

namespace relata::eval {
namespace {

using Name = TrainFacts::Name;

// Facts of a part of the file, hashed.
struct FactPart {
  FactPart(std::string_view text, size_t parts)
      : fields(text), expected(text.size() / parts / kBytesOfFact) {}

  std::optional<JsonProblem> read(JsonView record) {
    if (!record.is_array() || record.size() != 3) {
      fields.fail(record, "a fact is a list of head, tail and relation");
      return fields.take_problem();
    }
    std::array<std::string_view, 3> texts;
    size_t place = 0;
    for (const JsonView value : record) {
      if (!fields.read_text(value, "of a fact", texts[place++])) return fields.take_problem();
    }
    if (texts[2].empty()) {
      fields.fail(record, "a fact's relation is empty");
      return fields.take_problem();
    }
    if (facts.empty()) facts.reserve(expected);
    facts.push_back({Name(texts[0]), Name(texts[1]), Name(texts[2])});
    return std::nullopt;
  }

  static constexpr size_t kBytesOfFact = 40;  // in the file; they rarely have fewer

  RecordFields fields;
  size_t expected;
  std::vector<std::array<Name, 3>> facts;
};

uint64_t combined(uint64_t head, uint64_t tail, uint64_t relation) {
  const uint64_t hash =
      (head ^ std::rotl(tail, 23) ^ std::rotl(relation, 47)) * 0x9E3779B97F4A7C15ULL;
  return hash ^ (hash >> 31);
}

}  // namespace

Result<TrainFacts> TrainFacts::parse(std::shared_ptr<const FileText> file, const std::string& where,
                                     int threads) {
  TrainFacts facts;
  facts.file_ = std::move(file);
  const std::string_view text = facts.file_->text();
  if (looks_like_docred(text)) {
    RELATA_TRY(DocRedGold gold, parse_docred(facts.file_, where, threads));
    facts.reserve(1 << 16);
    for (const DocRedDocument& document : gold.documents) {
      std::vector<Name> names;
      names.reserve(document.mentions.size());
      for (const DocRedMention& mention : document.mentions) names.emplace_back(mention.name);
      for (const DocRedFact& fact : document.facts) {
        const DocRedEntity &head = document.entities[fact.head],
                           &tail = document.entities[fact.tail];
        const Name relation(gold.relations[fact.relation]);
        for (int h = 0; h < head.mentions; ++h) {
          for (int t = 0; t < tail.mentions; ++t) {
            facts.add(names[head.first_mention + h], names[tail.first_mention + t], relation);
          }
        }
      }
    }
    facts.texts_ = std::move(gold.texts);
    return facts;
  }
  const size_t parts = parts_of(text.size() / kBytesPerThread, threads);
  RELATA_TRY(std::vector<FactPart> read, read_records(text, where, parts, FactPart(text, parts)));
  size_t count = 0;
  for (const FactPart& part : read) count += part.facts.size();
  facts.reserve(count);
  for (FactPart& part : read) {
    for (const auto& [head, tail, relation] : part.facts) facts.add(head, tail, relation);
    facts.texts_.splice(facts.texts_.end(), part.fields.texts());
  }
  return facts;
}

bool TrainFacts::is(uint32_t number, const Name& head, const Name& tail,
                    const Name& relation) const {
  const Fact& fact = facts_[number];
  return fact.tail == tail.text && fact.head == head.text && fact.relation == relation.text;
}

void TrainFacts::reserve(size_t facts) {
  facts_.reserve(facts);
  slots_.reserve(facts);
  seen_.resize(std::bit_ceil(facts / 8 + 1));  // 8 bits and more for each
}

void TrainFacts::add(const Name& head, const Name& tail, const Name& relation) {
  const uint64_t hash = combined(head.hash, tail.hash, relation.hash);
  const auto [number, fresh] =
      slots_.add(hash, [&](uint32_t candidate) { return is(candidate, head, tail, relation); });
  if (!fresh) return;
  facts_.push_back({head.text, tail.text, relation.text});
  seen_[hash / 64 & (seen_.size() - 1)] |= uint64_t{1} << hash % 64;
}

bool TrainFacts::contains(const Name& head, const Name& tail, const Name& relation) const {
  const uint64_t hash = combined(head.hash, tail.hash, relation.hash);
  if (seen_.empty() || (seen_[hash / 64 & (seen_.size() - 1)] >> hash % 64 & 1) == 0) return false;
  const auto same = [&](uint32_t number) { return is(number, head, tail, relation); };
  return slots_.find(hash, same) >= 0;
}

}  // namespace relata::eval
