#include "relata/eval/semeval.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "pair_parts.h"

namespace relata::eval {
namespace {

// In the scorer's order of labels Other stands after all relations.
const std::string kOther = "_Other";
const std::string kWrongDirection;  // no label

using Frequencies = std::map<std::string, int64_t>;

struct View {
  std::string title;
  bool counts_direction_errors = false;            // a column of its own
  std::map<std::string, Frequencies> answered_as;  // by gold label, then by answer
  Frequencies gold, answers;
  int64_t answered = 0, total = 0;
};

int64_t frequency(const Frequencies& frequencies, const std::string& label) {
  const auto entry = frequencies.find(label);
  return entry == frequencies.end() ? 0 : entry->second;
}

double percent(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

double harmonic(double a, double b) { return a + b == 0 ? 0 : 2 * a * b / (a + b); }

std::string scorer_label(const std::string& label) { return label == "Other" ? kOther : label; }

// "C-E1" for Cause-Effect(e1,e2); "*CE1" when the key lacks it.
std::string short_name(const std::string& label, const Frequencies& gold) {
  if (label == kOther) return "_O_";
  const size_t dash = label.find('-');
  const std::string first = label.substr(0, 1), second = label.substr(dash + 1, 1);
  std::string name = gold.contains(label) ? first + "-" + second : "*" + first + second;
  const size_t direction = label.find("(e");
  if (direction != std::string::npos) name += label[direction + 2];
  return name;
}

// The key's labels, then those that only the answers have.
std::vector<std::string> columns_of(const View& view) {
  std::vector<std::string> columns;
  for (const auto& [label, count] : view.gold) columns.push_back(label);
  for (const auto& [label, count] : view.answers) {
    if (label != kWrongDirection && !view.gold.contains(label)) columns.push_back(label);
  }
  return columns;
}

int64_t cell(const View& view, const std::string& gold, const std::string& answer) {
  const auto row = view.answered_as.find(gold);
  return row == view.answered_as.end() ? 0 : frequency(row->second, answer);
}

std::string matrix_text(const View& view) {
  const std::vector<std::string> columns = columns_of(view);
  std::string out = "Confusion matrix:\n       ";
  std::string rule = "      +";
  for (const std::string& label : columns) {
    out += fmt::format(" {:>4}", short_name(label, view.gold));
    rule += "-----";
  }
  out += " <-- classified as\n" + rule;
  out += view.counts_direction_errors ? "+ -SUM- xDIRx skip  ACTUAL\n" : "+ -SUM- skip ACTUAL\n";
  for (const auto& [gold, actual] : view.gold) {
    out += fmt::format(" {:>4} |", short_name(gold, view.gold));
    int64_t sum = 0;
    for (const std::string& label : columns) {
      sum += cell(view, gold, label);
      out += fmt::format("{:4} ", cell(view, gold, label));
    }
    const int64_t turned = cell(view, gold, kWrongDirection);
    out +=
        view.counts_direction_errors
            ? fmt::format("| {:4}  {:4}  {:4} {:6}\n", sum, turned, actual - sum - turned, actual)
            : fmt::format("| {:4} {:4} {:4}\n", sum, actual - sum, actual);
  }
  out += rule + "+\n -SUM- ";
  for (const std::string& label : columns) {
    out += fmt::format("{:4} ", frequency(view.answers, label));
  }
  const int64_t turned = frequency(view.answers, kWrongDirection);
  const int64_t skipped = view.total - view.answered;
  return out + (view.counts_direction_errors
                    ? fmt::format("  {:4}  {:4}  {:4} {:6}\n\n", view.answered - turned, turned,
                                  skipped, view.total)
                    : fmt::format("  {:4} {:4} {:4}\n\n", view.answered, skipped, view.total));
}

std::string accuracy_text(const View& view) {
  int64_t correct = 0, other_skipped = 0;
  for (const auto& [gold, actual] : view.gold) correct += cell(view, gold, gold);
  if (view.gold.contains(kOther)) {
    other_skipped = view.gold.at(kOther);
    const auto row = view.answered_as.find(kOther);
    if (row != view.answered_as.end()) {
      for (const auto& [answer, count] : row->second) other_skipped -= count;
    }
  }
  auto line = [](const std::string& name, int64_t part, int64_t whole) {
    return fmt::format("{} = {}/{} = {:5.2f}%\n", name, part, whole, percent(part, whole));
  };
  return line("Coverage", view.answered, view.total) +
         line("Accuracy (calculated for the above confusion matrix)", correct, view.answered) +
         line("Accuracy (considering all skipped examples as Wrong)", correct, view.total) +
         line("Accuracy (considering all skipped examples as Other)", correct + other_skipped,
              view.total);
}

struct Averages {
  double precision = 0, recall = 0, f1 = 0;  // sums, then means, in percent
  int64_t correct = 0, predicted = 0, gold = 0;
};

std::string relations_text(const View& view, Averages& averages) {
  std::string out = "\nResults for the individual relations:\n";
  for (const auto& [label, actual] : view.gold) {
    const int64_t correct = cell(view, label, label);
    const int64_t answers = frequency(view.answers, label);
    const int64_t turned = view.counts_direction_errors ? cell(view, label, kWrongDirection) : 0;
    const double precision = answers == 0 ? 0 : percent(correct, answers + turned);
    const double recall = percent(correct, actual), f1 = harmonic(precision, recall);
    const std::string asked = view.counts_direction_errors
                                  ? fmt::format("({:4} +{:4})", answers, turned)
                                  : fmt::format("{:4}", answers);
    out += fmt::format(
        "{:>25} :    P = {:4}/{} = {:6.2f}%     R = {:4}/{:4} = {:6.2f}%     F1 = "
        "{:6.2f}%\n",
        label, correct, asked, precision, correct, actual, recall, f1);
    if (label == kOther) continue;
    averages.precision += precision;
    averages.recall += recall;
    averages.f1 += f1;
    averages.correct += correct;
    averages.predicted += answers + turned;
    averages.gold += actual;
  }
  return out;
}

std::string view_text(const View& view, double& macro_f1) {
  Averages averages;
  std::string out = view.title + "\n\n" + matrix_text(view) + accuracy_text(view) +
                    relations_text(view, averages);
  const double precision = percent(averages.correct, averages.predicted);
  const double recall = percent(averages.correct, averages.gold);
  out += fmt::format(
      "\nMicro-averaged result (excluding Other):\nP = {:4}/{:4} = {:6.2f}%     R = "
      "{:4}/{:4} = {:6.2f}%     F1 = {:6.2f}%\n",
      averages.correct, averages.predicted, precision, averages.correct, averages.gold, recall,
      harmonic(precision, recall));
  const auto relations =
      static_cast<double>(view.gold.size() - (view.gold.contains(kOther) ? 1 : 0));
  macro_f1 = averages.f1 / relations;
  return out + fmt::format(
                   "\nMACRO-averaged result (excluding Other):\nP = {:6.2f}%\tR = "
                   "{:6.2f}%\tF1 = {:6.2f}%\n\n\n\n",
                   averages.precision / relations, averages.recall / relations, macro_f1);
}

void add_to_view(View& view, const std::string& gold, const std::string& answer, bool turned) {
  ++view.total;
  ++view.gold[gold];
  if (answer.empty()) return;
  ++view.answered;
  const std::string& column = turned ? kWrongDirection : answer;
  ++view.answered_as[gold][column];
  ++view.answers[column];
}

}  // namespace

const std::vector<std::string>& semeval_labels() {
  static const std::vector<std::string> kLabels = [] {
    std::vector<std::string> all;
    for (const char* relation : {"Cause-Effect", "Component-Whole", "Content-Container",
                                 "Entity-Destination", "Entity-Origin", "Instrument-Agency",
                                 "Member-Collection", "Message-Topic", "Product-Producer"}) {
      all.push_back(std::string(relation) + "(e1,e2)");
      all.push_back(std::string(relation) + "(e2,e1)");
    }
    all.emplace_back("Other");
    return all;
  }();
  return kLabels;
}

std::string semeval_relation(const std::string& label) {
  for (const char* direction : {"(e1,e2)", "(e2,e1)"}) {
    if (label.ends_with(direction)) return label.substr(0, label.size() - 7);
  }
  return label;
}

Result<std::string> semeval_scorer_text(const std::vector<PairItem>& items) {
  RELATA_CHECK(pair_parts("semeval", items, {}));
  View directed{"<<< (2*9+1)-WAY EVALUATION (USING DIRECTIONALITY)>>>:", false, {}, {}, {}, 0, 0};
  View undirected{"<<< (9+1)-WAY EVALUATION IGNORING DIRECTIONALITY >>>:", false, {}, {}, {}, 0, 0};
  View official{"<<< (9+1)-WAY EVALUATION TAKING DIRECTIONALITY INTO ACCOUNT -- OFFICIAL >>>:",
                true,
                {},
                {},
                {},
                0,
                0};
  for (const PairItem& item : items) {
    const std::string gold = scorer_label(item.gold.front());
    const std::string answer = item.predicted.empty() ? "" : scorer_label(item.predicted.front());
    const std::string gold_relation = semeval_relation(gold), relation = semeval_relation(answer);
    add_to_view(directed, gold, answer, false);
    add_to_view(undirected, gold_relation, relation, false);
    add_to_view(official, gold_relation, relation, gold != answer && gold_relation == relation);
  }
  if (directed.answered == 0) {
    return input_error("no example is answered", "the official scorer has no score without one");
  }
  if (official.gold.size() == (official.gold.contains(kOther) ? 1U : 0U)) {
    return input_error("every gold label is Other",
                       "the official scorer averages over the other relations of the key");
  }
  std::string out;
  for (const auto& [label, count] : directed.answers) {
    if (directed.gold.contains(label)) continue;
    out += fmt::format(
        "!!!WARNING!!! The proposed file contains {} label(s) of type '{}', which is "
        "NOT present in the key file.\n\n",
        count, label);
  }
  double macro_f1 = 0;
  for (const View* view : {&directed, &undirected, &official}) out += view_text(*view, macro_f1);
  return out + fmt::format(
                   "<<< The official score is (9+1)-way evaluation with directionality "
                   "taken into account: macro-averaged F1 = {:0.2f}% >>>\n",
                   macro_f1);
}

}  // namespace relata::eval
