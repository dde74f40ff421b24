#include "metrics.h"

#include <fmt/format.h>

namespace relata::serve {
namespace {

std::string about(const char* name, const char* help) {
  return fmt::format("# HELP {} {}\n# TYPE {} counter\n", name, help, name);
}

template <class Number>
std::string counter(const char* name, const char* help, Number value) {
  return about(name, help) + fmt::format("{} {}\n", name, value);
}

}  // namespace

void Metrics::add_answer(int status) {
  const std::scoped_lock lock(mutex_);
  ++answers_[status];
}

void Metrics::add_extraction(size_t documents, size_t facts, std::chrono::duration<double> time) {
  const std::scoped_lock lock(mutex_);
  ++extractions_;
  documents_ += documents;
  facts_ += facts;
  seconds_ += time.count();
}

std::string Metrics::text() const {
  const std::scoped_lock lock(mutex_);
  std::string out = about("relata_answers_total", "Requests that were answered, by HTTP status");
  for (const auto& [status, count] : answers_) {
    out += fmt::format("relata_answers_total{{status=\"{}\"}} {}\n", status, count);
  }
  out += counter("relata_extractions_total", "Requests whose documents were read", extractions_);
  out += counter("relata_documents_total", "Documents that were read", documents_);
  out += counter("relata_facts_total", "Facts that were found in them", facts_);
  out += counter("relata_extraction_seconds_total",
                 "Time from a request's last byte to its answer, waiting included", seconds_);
  return out;
}

}  // namespace relata::serve
