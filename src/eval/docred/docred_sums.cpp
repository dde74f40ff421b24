#include "docred/docred_sums.h"

#include <iterator>
#include <string>
#include <utility>

#include "distance.h"

namespace relata::eval {

void ConstantAnswer::add(const DocRedFact& fact, bool leave_out) {
  ++facts;
  if (fact.head == fact.tail) return;  // of an entity with itself, which is no pair
  resize(fact.relation + 1);
  ++holds[fact.relation];
  if (leave_out) ++left_out[fact.relation];
}

void ConstantAnswer::add(const ConstantAnswer& other) {
  pairs += other.pairs;
  facts += other.facts;
  resize(other.holds.size());
  for (size_t r = 0; r < other.holds.size(); ++r) {
    holds[r] += other.holds[r];
    left_out[r] += other.left_out[r];
  }
}

Floor ConstantAnswer::best(const DocRedGold& gold) const {
  Floor best;
  for (size_t relation = 0; relation < holds.size(); ++relation) {
    const int64_t answers = pairs - left_out[relation];
    const Counts precise = {holds[relation] - left_out[relation], answers, facts};
    const Counts complete = {holds[relation], answers, facts};
    const double p = precise.precision(), r = complete.recall();
    const double f1 = p + r == 0 ? 0 : 2 * p * r / (p + r);
    if (f1 > best.f1) best = {f1, std::string(gold.relations[relation])};
  }
  return best;
}

void ConstantAnswer::resize(size_t relations) {
  if (relations <= holds.size()) return;
  holds.resize(relations);
  left_out.resize(relations);
}

const std::array<DocRedSums::Part, DocRedSums::kParts>& DocRedSums::parts() {
  static constexpr std::array<Part, kParts> kAll = {
      {{&DocRedSums::own, &DocRedRelationCounts::own},
       {&DocRedSums::ign, &DocRedRelationCounts::ign},
       {&DocRedSums::evidence, &DocRedRelationCounts::evidence},
       {&DocRedSums::intra, &DocRedRelationCounts::intra},
       {&DocRedSums::inter, &DocRedRelationCounts::inter}}};
  return kAll;
}

DocRedSums::DocRedSums(const DocRedGold& gold) : buckets(bucket_names().size()) {
  for (const Part& part : parts()) {
    for (const std::string_view relation : gold.relations) {
      (this->*part.tally).label(std::string(relation));
    }
  }
}

void DocRedSums::append(DocRedSums&& other) {
  for (ConstantAnswer DocRedSums::*answer : {&DocRedSums::all, &DocRedSums::outside_training,
                                             &DocRedSums::within, &DocRedSums::across}) {
    (this->*answer).add(other.*answer);
  }
  for (size_t b = 0; b < buckets.size(); ++b) {
    buckets[b].correct += other.buckets[b].correct;
    buckets[b].predicted += other.buckets[b].predicted;
    buckets[b].gold += other.buckets[b].gold;
  }
  std::move(other.errors.begin(), other.errors.end(), std::back_inserter(errors));
}

}  // namespace relata::eval
