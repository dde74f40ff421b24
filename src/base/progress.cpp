#include "relata/base/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <mutex>
#include <string_view>
#include <utility>

#include "console.h"

namespace relata {
namespace {

using Clock = std::chrono::steady_clock;

std::atomic<ProgressMode> g_mode{ProgressMode::kAuto};

// One for all: at most ten drawings a second pass through it.
std::mutex& progress_mutex() {
  static std::mutex& instance = *new std::mutex;
  return instance;
}

ProgressMode resolved_mode() {
  const ProgressMode mode = g_mode;
  if (mode != ProgressMode::kAuto) return mode;
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal != nullptr && std::string_view(terminal) == "dumb";
  return ::isatty(STDERR_FILENO) == 1 && !dumb ? ProgressMode::kBar : ProgressMode::kLines;
}

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

constexpr double kShortest = 0.05;  // seconds; a rate of less work says nothing

// As format_duration(), with a tenth where whole seconds would contradict the rate beside it.
std::string format_time_taken(double seconds) {
  const bool tenth = seconds >= kShortest && seconds < 9.95;
  return tenth ? fmt::format("{:.1f}s", seconds) : format_duration(seconds);
}

std::string format_rate(double rate) {
  if (rate >= 100) return fmt::format("{:.0f}", rate);
  if (rate >= 1) return fmt::format("{:.1f}", rate);
  return fmt::format("{:.3g}", rate);
}

}  // namespace

void set_progress_mode(ProgressMode mode) { g_mode = mode; }

std::string format_duration(double seconds) {
  if (!(seconds >= 0) || seconds > 1e9) return "--";
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  if (whole < 60) return fmt::format("{}s", whole);
  if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
}

Progress::Progress(std::string label, int64_t total, std::string unit)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      total_(total),
      mode_(resolved_mode()),
      start_(Clock::now()),
      last_draw_(start_) {}

Progress::~Progress() { finish(); }

void Progress::update(int64_t done, const std::string& note) {
  const std::lock_guard<std::mutex> lock(progress_mutex());
  if (finished_) return;
  const auto now = Clock::now();
  const bool first = !std::exchange(begun_, true);
  done_ = done;
  note_ = note;
  if (mode_ == ProgressMode::kOff) return;
  const double since = seconds_between(last_draw_, now);
  const bool bar = mode_ == ProgressMode::kBar;
  if ((bar && first) || since >= (bar ? 0.1 : 10.0)) {
    last_draw_ = now;
    draw(false);
  }
}

void Progress::skip(int64_t units) {
  const std::lock_guard<std::mutex> lock(progress_mutex());
  skipped_ += units;
}

void Progress::finish() {
  const std::lock_guard<std::mutex> lock(progress_mutex());
  if (std::exchange(finished_, true)) return;
  if (mode_ == ProgressMode::kOff || !begun_) return;
  draw(true);
}

void Progress::draw(bool last) {
  const auto now = Clock::now();
  const double elapsed = seconds_between(start_, now);
  const int64_t counted = done_ - skipped_;
  const double rate =
      counted > 0 && elapsed >= kShortest ? static_cast<double>(counted) / elapsed : 0.0;
  const double share =
      total_ > 0 ? std::clamp(static_cast<double>(done_) / static_cast<double>(total_), 0.0, 1.0)
                 : 0.0;
  std::string facts = total_ > 0 ? fmt::format("{}/{} {}", done_, total_, unit_)
                                 : fmt::format("{} {}", done_, unit_);
  if (last) facts += " in " + format_time_taken(elapsed);
  if (rate > 0) facts += fmt::format("  {} {}/s", format_rate(rate), unit_);
  if (!last && rate > 0 && total_ > done_) {
    facts += "  ETA " + format_duration(static_cast<double>(total_ - done_) / rate);
  }
  if (!note_.empty()) facts += "  " + note_;

  if (mode_ == ProgressMode::kBar && !last) {
    std::string text = label_ + " ";
    if (total_ > 0) {
      constexpr int kCells = 20;
      const int filled = static_cast<int>(share * kCells);
      text += fmt::format("{:3.0f}% [{:#<{}}{:-<{}}] ", std::floor(share * 100), "", filled, "",
                          kCells - filled);
    }
    // A bar that reaches the last column would wrap and no longer be overwritten.
    const size_t columns = internal::console_columns();
    text += facts;
    internal::show_bar(internal::cut_to_width(text, columns > 1 ? columns - 1 : 1));
    return;
  }
  if (mode_ == ProgressMode::kBar) internal::show_bar("");
  const std::string percent =
      total_ > 0 && !last ? fmt::format("{:.0f}% ", std::floor(share * 100)) : "";
  internal::show_line(label_ + ": " + percent + facts);
}

}  // namespace relata
