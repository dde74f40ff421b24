#include "relata/eval/ruie.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <set>

#include "pairs/pair_errors.h"
#include "relata/base/trim.h"
#include "relata/eval/metric.h"
#include "ruie/containers.h"

namespace relata::eval {
namespace {

using Tuples = std::vector<std::string>;

std::string one_spaced(std::string_view text) {
  std::string out;
  for (const char c : trimmed(text)) {
    const bool space = c == ' ' || (c >= '\t' && c <= '\r');
    if (space && !out.empty() && out.back() == ' ') continue;
    out += space ? ' ' : c;
  }
  return out;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t end = text.find_first_of(separators);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// Models may think aloud first: only what follows the last empty line is the answer.
std::string_view last_chunk(std::string_view output) {
  output = trimmed(output);
  const size_t gap = output.rfind("\n\n");
  return gap == std::string_view::npos ? output : output.substr(gap + 2);
}

// The labels between the query's first brackets, lower-cased, longest first.
std::vector<std::string> schema_labels(const std::string& query) {
  const size_t open = query.find('[');
  const size_t close = open == std::string::npos ? open : query.find(']', open);
  if (close == std::string::npos) return {};
  std::vector<std::string> labels;
  for (const std::string_view part :
       split(std::string_view(query).substr(open + 1, close - open - 1), ",")) {
    const std::string_view label = trimmed(part);
    if (!label.empty()) labels.push_back(ruie_lower_case(label));
  }
  std::stable_sort(labels.begin(), labels.end(),
                   [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
  return labels;
}

Tuples sorted_set(Tuples tuples) {
  std::sort(tuples.begin(), tuples.end());
  tuples.erase(std::unique(tuples.begin(), tuples.end()), tuples.end());
  return tuples;
}

// "label:value" wherever a label of the schema stands before a colon.
Tuples labelled_parts(std::string_view output, const std::vector<std::string>& labels) {
  Tuples parts;
  for (size_t at = 0; at < output.size();) {
    size_t end = at;
    for (const std::string& label : labels) {
      if (output.compare(at, label.size(), label) != 0) continue;
      const size_t colon = at + label.size();
      if (colon >= output.size() || output[colon] != ':') continue;
      const size_t stop = std::min(output.find_first_of(";\n", colon + 1), output.size());
      if (stop == colon + 1) continue;
      end = stop;
      break;
    }
    if (end == at) {
      ++at;
      continue;
    }
    parts.emplace_back(output.substr(at, end - at));
    at = end;
  }
  return parts;
}

// The text of a tuple after its label, up to another colon.
std::string_view value_of(std::string_view tuple) {
  const size_t colon = tuple.find(':');
  if (colon == std::string_view::npos) return {};
  return tuple.substr(colon + 1, tuple.find(':', colon + 1) - colon - 1);
}

std::string label_of(std::string_view tuple) {
  return std::string(tuple.substr(0, tuple.find(':')));
}

Tuples strict_tuples(const std::vector<RuieItem>& items) {
  Tuples tuples;
  for (const RuieItem& item : items) {
    tuples.push_back(ruie_lower_case(one_spaced(item.label)) + ":" + one_spaced(item.value));
  }
  return sorted_set(std::move(tuples));
}

std::vector<RuieItem> items_of_text(std::string_view text) {
  std::vector<RuieItem> items;
  for (const std::string_view part : split(text, ";\n")) {
    const size_t colon = part.find(':');
    if (colon == std::string_view::npos) continue;
    items.push_back({std::string(part.substr(0, colon)), std::string(part.substr(colon + 1))});
  }
  return items;
}

std::vector<ClassCounts> count_tuples(Tally& tally, const RuieTuples& tuples,
                                      const std::string& single_label) {
  std::vector<ClassCounts> counts;
  counts.reserve(tuples.gold.size() + tuples.predicted.size());
  auto number = [&](const std::string& tuple) {
    return tally.label(single_label.empty() ? label_of(tuple) : single_label);
  };
  for (const std::string& tuple : tuples.gold)
    counts.push_back({.label = number(tuple), .gold = 1});
  for (const std::string& tuple : tuples.predicted) {
    const int right = std::binary_search(tuples.gold.begin(), tuples.gold.end(), tuple) ? 1 : 0;
    counts.push_back({.label = number(tuple), .correct = right, .predicted = 1, .found = right});
  }
  return counts;
}

// "a,b" for "b,a" of a relation.
std::string turned(const std::string& tuple) {
  const std::string value(value_of(tuple));
  const size_t comma = value.find(',');
  if (comma == std::string::npos) return "";
  return label_of(tuple) + ":" + value.substr(comma + 1) + "," + value.substr(0, comma);
}

// What a report shows of a question: its text may be a book, and every error repeats it.
std::string shown_query(const std::string& query) {
  constexpr size_t kMost = 2000;  // bytes
  if (query.size() <= kMost) return query;
  size_t end = kMost;
  while (end > 0 && (static_cast<unsigned char>(query[end]) & 0xC0) == 0x80) --end;
  return query.substr(0, end) + " …";
}

// The wrong tuples of one record: what was missed and what was said beside gold, put together where
// one is likely meant by the other.
class WrongTuples {
 public:
  WrongTuples(const RuieRecord& record, const RuieTuples& tuples, std::vector<ErrorRow>& errors)
      : record_(record), context_(shown_query(record.query)), errors_(errors) {
    std::set_difference(tuples.gold.begin(), tuples.gold.end(), tuples.predicted.begin(),
                        tuples.predicted.end(), std::back_inserter(missed_));
    std::set_difference(tuples.predicted.begin(), tuples.predicted.end(), tuples.gold.begin(),
                        tuples.gold.end(), std::back_inserter(extra_));
    missed_free_.assign(missed_.size(), true);
    extra_free_.assign(extra_.size(), true);
  }

  void list() {
    if (record_.task == RuieTask::kRe) pair_turned();
    pair_values();
    pair_boundaries();
    for (size_t e = 0; e < extra_.size(); ++e) {
      if (extra_free_[e]) add("invented", "", extra_[e]);
    }
    for (size_t m = 0; m < missed_.size(); ++m) {
      if (missed_free_[m]) add("missing", missed_[m], "");
    }
  }

 private:
  void pair_turned() {
    for (size_t e = 0; e < extra_.size(); ++e) {
      const std::string wanted = turned(extra_[e]);
      const auto found = std::lower_bound(missed_.begin(), missed_.end(), wanted);
      if (found == missed_.end() || *found != wanted) continue;
      const auto m = static_cast<size_t>(found - missed_.begin());
      if (missed_free_[m]) pair("direction", m, e);
    }
  }

  // The same value under another label.
  void pair_values() {
    std::map<std::string_view, std::vector<size_t>> by_value;  // the first is the last of the list
    for (size_t m = missed_.size(); m-- > 0;) {
      if (missed_free_[m]) by_value[value_of(missed_[m])].push_back(m);
    }
    for (size_t e = 0; e < extra_.size(); ++e) {
      const auto same = by_value.find(value_of(extra_[e]));
      if (!extra_free_[e] || same == by_value.end() || same->second.empty()) continue;
      pair("type", same->second.back(), e);
      same->second.pop_back();
    }
  }

  // Of one label, a value that is part of the other.
  void pair_boundaries() {
    struct OfLabel {
      std::vector<size_t> missed, extra;
    };
    std::map<std::string, OfLabel> labels;
    for (size_t m = 0; m < missed_.size(); ++m) {
      if (missed_free_[m]) labels[label_of(missed_[m])].missed.push_back(m);
    }
    for (size_t e = 0; e < extra_.size(); ++e) {
      if (extra_free_[e]) labels[label_of(extra_[e])].extra.push_back(e);
    }
    for (const auto& [label, own] : labels) {
      if (own.missed.empty() || own.extra.empty()) continue;
      Containers whole(values(missed_, own.missed));
      for (const size_t e : own.extra) {
        const size_t found = whole.take(value_of(extra_[e]));
        if (found != Containers::kNone) pair("boundary", own.missed[found], e);
      }
      Containers longer(values(extra_, own.extra));
      for (size_t i = 0; i < own.extra.size(); ++i) {
        if (!extra_free_[own.extra[i]]) longer.take_number(i);
      }
      for (const size_t m : own.missed) {
        if (!missed_free_[m]) continue;
        const size_t found = longer.take(value_of(missed_[m]));
        if (found != Containers::kNone) pair("boundary", m, own.extra[found]);
      }
    }
  }

  static std::vector<std::string_view> values(const Tuples& tuples,
                                              const std::vector<size_t>& numbers) {
    std::vector<std::string_view> out;
    out.reserve(numbers.size());
    for (const size_t number : numbers) out.push_back(value_of(tuples[number]));
    return out;
  }

  void pair(const char* kind, size_t missed, size_t extra) {
    missed_free_[missed] = extra_free_[extra] = false;
    add(kind, missed_[missed], extra_[extra]);
  }

  void add(const char* kind, const std::string& gold, const std::string& predicted) {
    ErrorRow row;
    row.kind = kind;
    row.id = record_.id;
    if (!gold.empty()) row.gold = {gold}, row.missed = {label_of(gold)};
    if (!predicted.empty()) row.predicted = {predicted}, row.extra = {label_of(predicted)};
    row.context = context_;
    errors_.push_back(std::move(row));
  }

  const RuieRecord& record_;
  const std::string context_;
  std::vector<ErrorRow>& errors_;
  Tuples missed_, extra_;  // sorted
  std::vector<bool> missed_free_, extra_free_;
};

}  // namespace

RuieTuples ruie_compatible(const RuieRecord& record) {
  RuieTuples tuples;
  const std::string answer = ruie_normalised(record.answer);
  for (const std::string_view part : split(answer, ";")) {
    if (part.find(':') != std::string_view::npos) tuples.gold.emplace_back(part);
  }
  const std::string query = ruie_lower_case(record.query);
  const std::string output = ruie_lower_case(last_chunk(record.output));
  for (const std::string& part : labelled_parts(output, schema_labels(record.query))) {
    std::string tuple = ruie_normalised(part);
    // The name is looked up normalised in a text that is not: RUIE loses "j.smith" of "J. Smith".
    const bool lost =
        record.task == RuieTask::kNer && query.find(value_of(tuple)) == std::string::npos;
    if (!lost) tuples.predicted.push_back(std::move(tuple));
  }
  return {sorted_set(std::move(tuples.gold)), sorted_set(std::move(tuples.predicted))};
}

RuieTuples ruie_strict(const RuieRecord& record) {
  return {strict_tuples(record.gold_items ? *record.gold_items : items_of_text(record.answer)),
          strict_tuples(record.predicted_items ? *record.predicted_items
                                               : items_of_text(last_chunk(record.output)))};
}

Result<DocumentScores> score_ruie(const std::vector<RuieRecord>& records) {
  if (records.empty()) return input_error("no record to score");
  RELATA_TRY(const Metric metric, find_metric("ruie"));
  std::array<bool, kRuieTasks> present{};
  for (const RuieRecord& record : records) present[static_cast<int>(record.task)] = true;

  DocumentScores scores;
  Tally classes({"classes", "", Averaging::kMicro, 0});
  for (const bool strict : {false, true}) {
    Tally mean({strict ? "strict" : "ruie",
                strict ? "The same mean in the strict reading: nothing is dropped, only spaces are "
                         "made alike."
                       : metric.definition,
                Averaging::kMacroAnswered, 0});
    std::vector<Tally> of_task;
    for (int t = 0; t < kRuieTasks; ++t) {
      const auto task = static_cast<RuieTask>(t);
      of_task.emplace_back(
          Tally::Rules{(strict ? "strict-" : "") + ruie_task_code(task),
                       fmt::format("{}, {} reading, micro over the records.", ruie_task_name(task),
                                   strict ? "strict" : "compatible"),
                       Averaging::kMicro, 0});
    }
    for (const RuieRecord& record : records) {
      const RuieTuples tuples = strict ? ruie_strict(record) : ruie_compatible(record);
      mean.add(count_tuples(mean, tuples, ruie_task_code(record.task)));
      for (int t = 0; t < kRuieTasks; ++t) {
        const bool own = t == static_cast<int>(record.task);
        of_task[t].add(own ? count_tuples(of_task[t], tuples, "") : std::vector<ClassCounts>{});
      }
      if (strict) continue;
      classes.add(count_tuples(classes, tuples, ""));
      WrongTuples(record, tuples, scores.errors).list();
    }
    scores.tallies.push_back(std::move(mean));
    for (int t = 0; t < kRuieTasks; ++t) {
      if (present[t]) scores.tallies.push_back(std::move(of_task[t]));
    }
  }
  scores.floors.resize(scores.tallies.size());
  scores.tables.push_back({"Labels", "label", rows_by_support(classes.classes())});
  return scores;
}

}  // namespace relata::eval
