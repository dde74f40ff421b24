#include <array>
#include <bit>
#include <utility>

#include "docred/record_fields.h"
#include "docred/record_list.h"
#include "relata/eval/docred.h"

namespace relata::eval {
namespace {

uint64_t combined(uint64_t head, uint64_t tail, uint64_t relation) {
  const uint64_t hash =
      (head ^ std::rotl(tail, 23) ^ std::rotl(relation, 47)) * 0x9E3779B97F4A7C15ULL;
  return hash ^ (hash >> 31);
}

}  // namespace

TrainFacts::Fact TrainFacts::fact_of(const Name& head, const Name& tail, const Name& relation) {
  return {head.text, tail.text, relation.text, combined(head.hash, tail.hash, relation.hash)};
}

struct TrainFacts::Part {
  Part(std::string_view text, size_t parts)
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
    facts.push_back(fact_of(Name(texts[0]), Name(texts[1]), Name(texts[2])));
    return std::nullopt;
  }

  static constexpr size_t kBytesOfFact = 40;  // in the file; they rarely have fewer

  RecordFields fields;
  size_t expected;
  std::vector<Fact> facts;
};

Result<TrainFacts> TrainFacts::parse(std::shared_ptr<const FileText> file,
                                     const std::string& where) {
  TrainFacts facts;
  facts.file_ = std::move(file);
  const std::string_view text = facts.file_->text();
  if (looks_like_docred(text)) {
    RELATA_TRY(DocRedGold gold, parse_docred(facts.file_, where));
    facts.facts_.push_back(stated_in(gold));
    facts.texts_ = std::move(gold.texts);
  } else {
    const size_t parts = pieces_of(text.size() / kBytesOfPart);
    RELATA_TRY(std::vector<Part> read, read_records(text, where, parts, Part(text, parts)));
    for (Part& part : read) {
      facts.facts_.push_back(std::move(part.facts));
      facts.texts_.splice(facts.texts_.end(), part.fields.texts());
    }
  }
  facts.index();
  return facts;
}

std::vector<TrainFacts::Fact> TrainFacts::stated_in(const DocRedGold& gold) {
  std::vector<Fact> facts;
  for (const DocRedDocument& document : gold.documents) {
    std::vector<Name> names;
    names.reserve(document.mentions.size());
    for (const DocRedMention& mention : document.mentions) names.emplace_back(mention.name);
    for (const DocRedFact& fact : document.facts) {
      const DocRedEntity &head = document.entities[fact.head], &tail = document.entities[fact.tail];
      const Name relation(gold.relations[fact.relation]);
      for (int h = 0; h < head.mentions; ++h) {
        for (int t = 0; t < tail.mentions; ++t) {
          facts.push_back(
              fact_of(names[head.first_mention + h], names[tail.first_mention + t], relation));
        }
      }
    }
  }
  return facts;
}

void TrainFacts::index() {
  size_t count = 0;
  for (const std::vector<Fact>& part : facts_) count += part.size();
  first_.resize(std::bit_ceil(count + 1));
  seen_.resize(std::bit_ceil(count / 8 + 1));  // 8 bits and more for each
  for (std::vector<Fact>& part : facts_) {
    for (Fact& fact : part) {
      if (holds(fact)) continue;
      fact.next = std::exchange(first_[fact.hash >> 32 & (first_.size() - 1)], &fact);
      seen_[fact.hash / 64 & (seen_.size() - 1)] |= uint64_t{1} << fact.hash % 64;
      ++size_;
    }
  }
}

bool TrainFacts::holds(const Fact& fact) const {
  const uint64_t hash = fact.hash;
  if (seen_.empty() || (seen_[hash / 64 & (seen_.size() - 1)] >> hash % 64 & 1) == 0) return false;
  const auto is_it = [&](const Fact& one) {
    return one.hash == hash && one.tail == fact.tail && one.head == fact.head &&
           one.relation == fact.relation;
  };
  const Fact* one = first_[hash >> 32 & (first_.size() - 1)];
  while (one != nullptr && !is_it(*one)) one = one->next;
  return one != nullptr;
}

bool TrainFacts::contains(const Name& head, const Name& tail, const Name& relation) const {
  return holds(fact_of(head, tail, relation));
}

}  // namespace relata::eval
