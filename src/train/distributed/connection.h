// Framed messages over TCP between processes that trust each other.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "relata/base/result.h"

namespace relata::train {

// What a message holds. A process that ends says why in its last one.
enum class Message : uint32_t { kHello = 1, kFloats = 2, kDoubles = 3, kText = 4, kEnd = 5 };

struct Received {
  Message kind = Message::kText;
  std::string bytes;
};

// Owns its socket. Errors of sending and receiving are kResource and do not say who is there.
class Connection {
 public:
  static constexpr uint64_t kMostBytes = uint64_t{1} << 40;

  explicit Connection(int socket) : socket_(socket) {}
  Connection(Connection&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
  Connection& operator=(Connection&& other) noexcept;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  Status send(Message kind, const void* data, size_t size);
  // Blocks. An end that nothing was said about is an error, and so is a message of more than `most`
  // bytes.
  Result<Received> receive(uint64_t most = kMostBytes);
  // How long receive() waits at most; 0: as long as the other lives.
  void set_patience(double seconds);
  int socket() const { return socket_; }

 private:
  int socket_;
};

// Listens on any free port: of this machine alone where `address` is its own (127.0.0.1, ::1), else
// on all its networks.
struct Listener {
  Connection socket;
  int port = 0;
};
Result<Listener> listen_for(const std::string& address);
// Error when none came in time.
Result<Connection> accept_from(const Listener& listener, double seconds);
Result<Connection> connect_to(const std::string& address, int port);

// Waits until the one at `wanted` of `connections` has something to be read; returns it, or the
// first that has gone meanwhile.
Result<size_t> wait_for(const std::vector<Connection>& connections, size_t wanted);

}  // namespace relata::train
