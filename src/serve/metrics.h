// What a server has done, in Prometheus' text format (version 0.0.4).
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>
#include <string>

namespace relata::serve {

// Thread-safe.
class Metrics {
 public:
  void add_answer(int status);
  void add_extraction(size_t documents, size_t facts, std::chrono::duration<double> time);
  std::string text() const;

 private:
  mutable std::mutex mutex_;
  std::map<int, size_t> answers_;  // by status
  size_t extractions_ = 0, documents_ = 0, facts_ = 0;
  double seconds_ = 0;
};

}  // namespace relata::serve
