#include "relata/base/parallel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

namespace relata {
namespace {

// Long enough for other threads to come.
void take_a_while() { std::this_thread::sleep_for(std::chrono::microseconds(200)); }

TEST(Parallel, EveryPieceIsDoneOnce) {
  for (const int threads : {0, 1, 2, 5}) {
    for (const size_t pieces : {0, 1, 2, 7, 100}) {
      std::vector<std::atomic<int>> done(pieces);
      with_threads(threads, [&] {
        run_pieces(pieces, [&](size_t piece) {
          take_a_while();
          ++done[piece];
        });
      });
      EXPECT_TRUE(std::all_of(done.begin(), done.end(), [](const auto& n) { return n == 1; }));
    }
  }
}

TEST(Parallel, WithoutThreadsEverythingIsDoneHere) {
  const auto here = std::this_thread::get_id();
  EXPECT_EQ(pieces_of(100), 1U);
  run_pieces(3, [&](size_t) { EXPECT_EQ(std::this_thread::get_id(), here); });
  with_threads(1, [&] {
    EXPECT_EQ(pieces_of(100), 1U);
    run_pieces(3, [&](size_t) { EXPECT_EQ(std::this_thread::get_id(), here); });
  });
  with_threads(3, [] {
    EXPECT_EQ(pieces_of(0), 1U);
    EXPECT_EQ(pieces_of(2), 2U);
    EXPECT_GE(pieces_of(1000), 3U);
    EXPECT_LT(pieces_of(1000), 1000U);
  });
  EXPECT_EQ(pieces_of(100), 1U);
}

TEST(Parallel, PiecesAndWorkAheadMayShareMore) {
  constexpr int kThreads = 3;
  std::atomic<int> working = 0, most = 0, done = 0;
  const auto piece = [&](size_t) {
    const int now = ++working;
    for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
    }
    take_a_while();
    --working;
    ++done;
  };
  with_threads(kThreads, [&] {
    WorkAhead ahead([&] { run_pieces(20, piece); });
    run_pieces(5, [&](size_t) { run_pieces(4, piece); });
    ahead.finish();
    EXPECT_EQ(done, 40);
  });
  EXPECT_LE(most, kThreads);
}

TEST(Parallel, FailuresComeToTheCaller) {
  for (const int threads : {1, 4}) {
    with_threads(threads, [&] {
      const auto fail_at_7 = [](size_t piece) {
        take_a_while();
        if (piece == 7) throw std::runtime_error("piece 7");
      };
      EXPECT_THROW(run_pieces(50, fail_at_7), std::runtime_error);
      std::atomic<int> done = 0;
      run_pieces(50, [&](size_t) { ++done; });
      EXPECT_EQ(done, 50);
    });
    EXPECT_THROW(with_threads(threads, [] { throw std::logic_error("work"); }), std::logic_error);
  }
}

TEST(WorkAhead, IsDoneOnceAndLostWithoutAWaiter) {
  const auto check = [] {
    std::atomic<int> done = 0;
    {
      WorkAhead ahead([&] { ++done; });
      ahead.finish();
      ahead.finish();
    }
    EXPECT_EQ(done, 1);
    WorkAhead failing([] { throw std::runtime_error("ahead"); });
    EXPECT_THROW(failing.finish(), std::runtime_error);
    for (int round = 0; round < 20; ++round) {
      const WorkAhead dropped([&] {
        take_a_while();
        ++done;
        throw std::runtime_error("nobody waits");
      });
      if (round % 2 == 0) take_a_while();
    }
    EXPECT_LE(done, 21);
  };
  check();
  for (const int threads : {1, 2, 4}) with_threads(threads, check);
}

}  // namespace
}  // namespace relata
