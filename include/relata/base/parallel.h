// Work shared among threads. docs/decisions/0006 says why this is our own.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace relata {

// Calls work(). Inside it, what this header's functions share is done by at most so many threads,
// this one included; 0: one for each core. Outside, they do everything in the thread that calls.
// Cost: no thread is made before there is something to share; then 0.05 ms for each.
void with_threads(int threads, const std::function<void()>& work);

// How many pieces to make of work that is worth so many. With more than one thread there are more
// pieces than threads: a thread that comes late takes fewer.
size_t pieces_of(size_t worth);

// Calls work(0) to work(pieces - 1) in this thread and in idle ones; returns when all are done.
// What the first of them throws is thrown here, and pieces that did not begin are left out.
void run_pieces(size_t pieces, const std::function<void(size_t)>& work);

// Work that an idle thread may do before somebody waits for it.
class WorkAhead {
 public:
  explicit WorkAhead(std::function<void()> work);
  ~WorkAhead();  // waits if the work began; what it throws is lost
  WorkAhead(const WorkAhead&) = delete;
  WorkAhead& operator=(const WorkAhead&) = delete;
  // Returns when the work is done, if no thread began it, by this one. Throws what it throws.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace relata
