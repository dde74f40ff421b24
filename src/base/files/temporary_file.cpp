#include "relata/base/temporary_file.h"

#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

namespace relata {
namespace {

// A mutex may not be taken in a signal handler.
std::atomic_flag names_are_taken;

void take_names() {
  while (names_are_taken.test_and_set(std::memory_order_acquire)) ::sched_yield();
}

// Never destroyed: a signal may come while static objects are.
std::vector<const char*>& all_names() {
  static auto& names = *new std::vector<const char*>;
  return names;
}

// Holds the names. No handler runs on this thread meanwhile: it would wait for them forever.
class NamesLock {
 public:
  NamesLock() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before_);
    take_names();
  }
  ~NamesLock() {
    names_are_taken.clear(std::memory_order_release);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NamesLock(const NamesLock&) = delete;
  NamesLock& operator=(const NamesLock&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

TemporaryName::TemporaryName(std::string path) : path_(std::move(path)) {
  const NamesLock lock;
  all_names().push_back(path_.c_str());
}

TemporaryName::~TemporaryName() {
  ::unlink(path_.c_str());
  const NamesLock lock;
  auto& names = all_names();
  names.erase(std::find(names.begin(), names.end(), path_.c_str()));
}

void remove_temporary_files() noexcept {
  take_names();  // for good: the process ends
  for (const char* name : all_names()) ::unlink(name);
}

}  // namespace relata
