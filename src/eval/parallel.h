#pragma once

#include <cstddef>
#include <functional>

namespace relata::eval {

constexpr size_t kBytesPerThread = 1 << 21;  // of a file, to be worth one

// How many parts to make of work that is worth so many threads; `threads` 0 means all cores.
size_t parts_of(size_t worth, int threads);

// Calls work(0) to work(parts - 1), each in its own thread, and returns when all are done. The
// first part that threw throws here.
void run_parts(size_t parts, const std::function<void(size_t)>& work);

}  // namespace relata::eval
