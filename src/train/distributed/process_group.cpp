#include "relata/train/process_group.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <chrono>
#include <cstring>
#include <random>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <vector>

#include "distributed/connection.h"

namespace relata::train {
namespace {

constexpr const char* kGoOn =
    "what was saved stays as it is: start all again with resume_from_checkpoint=auto (when "
    "save_steps is set)";
constexpr const char* kStartAll =
    "start as many processes as WORLD_SIZE says, with the same MASTER_ADDR and MASTER_PORT; "
    "torchrun does so";
constexpr double kHelloSeconds = 10;
constexpr uint64_t kHelloBytes = 256;  // whoever connects can say that more will come

// What process 0 tells in the store: where it listens, and a word that only this run's processes
// know.
struct Meeting {
  int port = 0;
  std::string word;
};

std::string to_text(const Meeting& meeting) {
  return fmt::format("{} {}", meeting.port, meeting.word);
}

Result<Meeting> meeting_from(const std::string& text) {
  Meeting out;
  char word[65] = "";
  if (std::sscanf(text.c_str(), "%d %64s", &out.port, word) != 2) {
    return resource_error("the store of the processes has another program's entry");
  }
  out.word = word;
  return out;
}

std::string random_word() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

// A store of c10d, whose failures are exceptions.
class Store {
 public:
  static Result<Store> open(const ProcessPlace& place) {
    c10d::TCPStoreOptions options;
    options.port = static_cast<uint16_t>(place.port);
    options.isServer = place.rank == 0 && !place.served;
    options.waitWorkers = false;
    options.timeout = std::chrono::milliseconds(static_cast<int64_t>(place.seconds * 1000));
    Store store;
    store.key_ = "relata/" + place.attempt + "/meeting";
    store.place_ = place.address + ":" + std::to_string(place.port);
    try {
      store.store_ = c10::make_intrusive<c10d::TCPStore>(place.address, options);
    } catch (const std::exception& problem) {
      return store.failure(problem);
    }
    return store;
  }
  Status tell(const Meeting& meeting) const {
    const std::string text = to_text(meeting);
    try {
      store_->set(key_, {text.begin(), text.end()});
    } catch (const std::exception& problem) {
      return failure(problem);
    }
    return {};
  }
  Result<Meeting> ask() const {
    try {
      const std::vector<uint8_t> bytes = store_->get(key_);
      return meeting_from(std::string(bytes.begin(), bytes.end()));
    } catch (const std::exception& problem) {
      return failure(problem);
    }
  }

 private:
  Error failure(const std::exception& problem) const {
    const auto* known = dynamic_cast<const c10::Error*>(&problem);
    const std::string why = known != nullptr ? known->what_without_backtrace() : problem.what();
    return resource_error(place_ + ": " + first_line(why), kStartAll);
  }
  c10::intrusive_ptr<c10d::TCPStore> store_;
  std::string key_, place_;
};

// A star: process 0 holds a connection to each of the others, who hold one to it.
class Star final : public ProcessGroup {
 public:
  Star(const ProcessPlace& place, std::vector<Connection> others)
      : ProcessGroup(place.rank, place.count), others_(std::move(others)) {}

  Status sum(std::span<float> values) override { return add_up(Message::kFloats, values); }
  Status sum(std::span<double> values) override { return add_up(Message::kDoubles, values); }

  Result<std::string> share(const std::string& text) override {
    if (!leads()) return receive(0, Message::kText);
    RELATA_CHECK(send_all(Message::kText, text.data(), text.size()));
    return text;
  }

  void give_up(const std::string& reason) override {
    for (Connection& other : others_) {
      // One that has gone needs no reason.
      [[maybe_unused]] const Status sent = other.send(Message::kEnd, reason.data(), reason.size());
    }
    others_.clear();
  }

 private:
  // others_[i] is process i + 1, or process 0.
  std::string name_of(size_t i) const {
    return fmt::format("process {} of {}", leads() ? i + 1 : 0, count());
  }

  Error lost(size_t i, const std::string& why) {
    const std::string message = fmt::format("{} has ended: {}", name_of(i), why);
    give_up(message);  // to that one too: it may live, and be at another place of the run
    return resource_error(message, kGoOn);
  }

  Status send_all(Message kind, const void* data, size_t size) {
    if (others_.empty()) return resource_error("the other processes have ended", kGoOn);
    for (size_t i = 0; i < others_.size(); ++i) {
      const Status sent = others_[i].send(kind, data, size);
      if (!sent.ok()) return last_words(i, sent.error().message);
    }
    return {};
  }

  // Why a process went that cannot be sent to, or went while another was waited for.
  Error last_words(size_t i, const std::string& otherwise) {
    std::string why = otherwise;
    while (true) {
      const auto last = others_[i].receive();
      if (!last.ok()) break;
      if (last->kind != Message::kEnd) continue;
      why = last->bytes;
      break;
    }
    return lost(i, why);
  }

  Result<std::string> receive(size_t from, Message kind) {
    if (others_.empty()) return resource_error("the other processes have ended", kGoOn);
    RELATA_TRY(const size_t ready, wait_for(others_, from));
    if (ready != from) return last_words(ready, "it ended without a word");
    auto got = others_[from].receive();
    if (!got.ok()) return lost(from, got.error().message);
    if (got->kind == Message::kEnd) return lost(from, got->bytes);
    if (got->kind != kind) return lost(from, "it is at another place of the run");
    return std::move(got->bytes);
  }

  template <class Number>
  Status receive_numbers(size_t from, Message kind, std::span<Number> into, bool add) {
    RELATA_TRY(const std::string bytes, receive(from, kind));
    if (bytes.size() != into.size_bytes()) {
      return lost(from, "it trains another number of weights");
    }
    const auto* numbers = reinterpret_cast<const Number*>(bytes.data());
    for (size_t i = 0; i < into.size(); ++i) {
      into[i] = add ? into[i] + numbers[i] : numbers[i];
    }
    return {};
  }

  template <class Number>
  Status add_up(Message kind, std::span<Number> values) {
    if (!leads()) {
      RELATA_CHECK(send_all(kind, values.data(), values.size_bytes()));
      return receive_numbers(0, kind, values, false);
    }
    for (size_t i = 0; i < others_.size(); ++i) {
      RELATA_CHECK(receive_numbers(i, kind, values, true));
    }
    return send_all(kind, values.data(), values.size_bytes());
  }

  std::vector<Connection> others_;
};

using Clock = std::chrono::steady_clock;

// The rank of one that says hello with the run's word; none: a stranger.
int rank_from(Connection& connection, const std::string& word, int count) {
  connection.set_patience(kHelloSeconds);
  const auto hello = connection.receive(kHelloBytes);
  connection.set_patience(0);
  if (!hello.ok() || hello->kind != Message::kHello) return -1;
  const size_t space = hello->bytes.find(' ');
  if (space == std::string::npos || hello->bytes.substr(0, space) != word) return -1;
  int rank = -1;
  std::sscanf(hello->bytes.c_str() + space, "%d", &rank);
  return rank > 0 && rank < count ? rank : -1;
}

Result<std::vector<Connection>> wait_for_others(const ProcessPlace& place) {
  RELATA_TRY(const Store store, Store::open(place));
  RELATA_TRY(const Listener listener, listen_for(place.address));
  const std::string word = random_word();
  RELATA_CHECK(store.tell({listener.port, word}));
  const auto end = Clock::now() + std::chrono::duration<double>(place.seconds);
  std::vector<Connection> others;
  for (int i = 1; i < place.count; ++i) others.emplace_back(-1);
  for (int missing = place.count - 1; missing > 0;) {
    auto came = accept_from(listener, std::chrono::duration<double>(end - Clock::now()).count());
    if (!came.ok()) {
      return resource_error(fmt::format("{} of {} processes did not come within {:.0f} s", missing,
                                        place.count, place.seconds),
                            kStartAll);
    }
    const int rank = rank_from(*came, word, place.count);
    if (rank < 0) continue;
    Connection& slot = others[static_cast<size_t>(rank) - 1];
    if (slot.socket() >= 0) {
      return resource_error(fmt::format("two processes have RANK {}", rank), kStartAll);
    }
    slot = std::move(*came);
    --missing;
  }
  // Nobody goes on, and so nobody closes the store, before all are there.
  for (Connection& other : others) RELATA_CHECK(other.send(Message::kHello, "", 0));
  return others;
}

Result<std::vector<Connection>> go_to_first(const ProcessPlace& place) {
  RELATA_TRY(const Store store, Store::open(place));
  RELATA_TRY(const Meeting meeting, store.ask());
  auto connection = connect_to(place.address, meeting.port);
  if (!connection.ok()) {
    return resource_error("process 0: " + connection.error().message, kStartAll);
  }
  const std::string hello = fmt::format("{} {}", meeting.word, place.rank);
  RELATA_CHECK(connection->send(Message::kHello, hello.data(), hello.size()));
  const auto answer = connection->receive();
  if (!answer.ok()) return resource_error("process 0: " + answer.error().message, kStartAll);
  std::vector<Connection> others;
  others.push_back(std::move(*connection));
  return others;
}

}  // namespace

Result<double> ProcessGroup::share(double value) {
  double shared = leads() ? value : 0.0;
  RELATA_CHECK(sum(std::span(&shared, 1)));
  return shared;
}

Result<std::shared_ptr<ProcessGroup>> ProcessGroup::join(const ProcessPlace& place) {
  auto others = place.rank == 0 ? wait_for_others(place) : go_to_first(place);
  if (!others.ok()) return others.error();
  return std::shared_ptr<ProcessGroup>(std::make_shared<Star>(place, std::move(*others)));
}

}  // namespace relata::train
