// Progress of long work, on stderr: a bar with done/total, rate and ETA on a terminal, a line every
// 10 s elsewhere. Libraries report through this class only; set_progress_mode() silences it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace relata {

enum class ProgressMode { kAuto, kBar, kLines, kOff };
void set_progress_mode(ProgressMode mode);

// "1h02m", "3m05s", "12s".
std::string format_duration(double seconds);

class Progress {
 public:
  Progress(std::string label, int64_t total, std::string unit);
  ~Progress();  // finishes the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void update(int64_t done, const std::string& note = "");  // note: "loss 1.23  lr 3.0e-4"
  // So many units were done before this work began: they count as done, but not as speed.
  void skip(int64_t units);
  void finish();

 private:
  void draw(bool last);
  std::string label_, unit_, note_;
  int64_t total_, done_ = 0, skipped_ = 0;
  ProgressMode mode_;
  std::chrono::steady_clock::time_point start_, last_draw_;
  bool begun_ = false, finished_ = false;
};

}  // namespace relata
