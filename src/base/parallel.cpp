#include "relata/base/parallel.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace relata {
namespace {

struct Job {
  size_t pieces = 0;
  std::function<void(size_t)> work;
  size_t next = 0, running = 0;  // pieces
  std::exception_ptr failure;

  bool is_done() const { return next == pieces && running == 0; }
};

// A thread that keeps off the core on which it is made. Left to them, kernels of virtual machines
// that pack threads onto few cores let it wait there for milliseconds. None if it cannot be had.
std::optional<pthread_t> start_elsewhere(void* (*run)(void*), void* argument) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  cpu_set_t cores;
  const int here = sched_getcpu();
  if (here >= 0 && sched_getaffinity(0, sizeof cores, &cores) == 0 && CPU_COUNT(&cores) > 1) {
    CPU_CLR(here, &cores);
    pthread_attr_setaffinity_np(&attributes, sizeof cores, &cores);
  }
  pthread_t thread{};
  const int code = pthread_create(&thread, &attributes, run, argument);
  pthread_attr_destroy(&attributes);
  return code == 0 ? std::optional(thread) : std::nullopt;
}

// The threads of one with_threads(). A thread that waits for a job does pieces of other jobs.
class Crew {
 public:
  explicit Crew(size_t threads) : threads_(threads) {}
  ~Crew() {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    changed_.notify_all();
    for (const pthread_t helper : helpers_) pthread_join(helper, nullptr);
  }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  static Crew*& current() {
    thread_local Crew* crew = nullptr;
    return crew;
  }
  size_t threads() const { return threads_; }

  void open(Job& job) {
    const std::lock_guard lock(mutex_);
    // One of the threads is the one that opens the first job.
    const size_t wanted = std::min(helpers_.size() + job.pieces, threads_ - 1);
    while (helpers_.size() < wanted) {
      helpers_.reserve(helpers_.size() + 1);
      const auto helper = start_elsewhere(
          [](void* crew) -> void* {
            static_cast<Crew*>(crew)->help();
            return nullptr;
          },
          this);
      if (!helper) break;  // fewer do the same
      helpers_.push_back(*helper);
    }
    jobs_.push_back(&job);
    changed_.notify_all();
  }

  void finish(Job& job) {
    std::unique_lock lock(mutex_);
    while (!job.is_done()) {
      Job* const one = job.next < job.pieces ? &job : first_open();
      one != nullptr ? do_piece(*one, lock) : changed_.wait(lock);
    }
    if (job.failure) std::rethrow_exception(job.failure);
  }

  // Waits for pieces that began; the others are left out.
  void drop(Job& job) {
    std::unique_lock lock(mutex_);
    close(job);
    changed_.wait(lock, [&] { return job.is_done(); });
  }

 private:
  Job* first_open() const { return jobs_.empty() ? nullptr : jobs_.front(); }
  void close(Job& job) {
    job.next = job.pieces;
    std::erase(jobs_, &job);
  }

  void do_piece(Job& job, std::unique_lock<std::mutex>& lock) {
    const size_t piece = job.next++;
    if (job.next == job.pieces) close(job);
    ++job.running;
    lock.unlock();
    std::exception_ptr failure;
    try {
      job.work(piece);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    if (failure && !job.failure) {
      job.failure = failure;
      close(job);
    }
    --job.running;
    if (job.is_done()) changed_.notify_all();
  }

  void help() {
    current() = this;
    std::unique_lock lock(mutex_);
    while (!closing_) {
      Job* const job = first_open();
      job != nullptr ? do_piece(*job, lock) : changed_.wait(lock);
    }
  }

  const size_t threads_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Job*> jobs_;  // with pieces that nobody began; the oldest first
  bool closing_ = false;
  std::vector<pthread_t> helpers_;
};

}  // namespace

void with_threads(int threads, const std::function<void()>& work) {
  Crew crew(threads > 0 ? static_cast<size_t>(threads)
                        : std::max(1U, std::thread::hardware_concurrency()));
  struct Restore {
    Crew* outer;
    ~Restore() { Crew::current() = outer; }
  };
  const Restore restore{std::exchange(Crew::current(), &crew)};
  work();
}

size_t pieces_of(size_t worth) {
  constexpr size_t kForEach = 8;  // of the threads
  const Crew* crew = Crew::current();
  const size_t threads = crew == nullptr ? 1 : crew->threads();
  return threads == 1 ? 1 : std::clamp<size_t>(worth, 1, kForEach * threads);
}

void run_pieces(size_t pieces, const std::function<void(size_t)>& work) {
  Crew* const crew = Crew::current();
  if (crew == nullptr || crew->threads() == 1 || pieces <= 1) {
    for (size_t piece = 0; piece < pieces; ++piece) work(piece);
    return;
  }
  Job job{pieces, std::cref(work), 0, 0, nullptr};
  crew->open(job);
  crew->finish(job);
}

struct WorkAhead::State {
  Crew* crew;
  Job job;
};

WorkAhead::WorkAhead(std::function<void()> work)
    : state_(new State{Crew::current(),
                       {1, [work = std::move(work)](size_t) { work(); }, 0, 0, nullptr}}) {
  if (state_->crew != nullptr) state_->crew->open(state_->job);
}

WorkAhead::~WorkAhead() {
  if (state_->crew != nullptr) state_->crew->drop(state_->job);
}

void WorkAhead::finish() {
  if (state_->crew != nullptr) return state_->crew->finish(state_->job);
  if (std::exchange(state_->job.next, 1) == 0) state_->job.work(0);
}

}  // namespace relata
