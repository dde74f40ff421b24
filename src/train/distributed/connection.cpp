#include "distributed/connection.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <memory>

namespace relata::train {
namespace {

constexpr uint32_t kMark = 0x72'6c'74'61;  // begins every message
constexpr int kQueue = 128;

struct Head {
  uint32_t mark = kMark;
  uint32_t kind = 0;
  uint64_t size = 0;
};

Error socket_error(const std::string& what) {
  return resource_error(what + ": " + std::strerror(errno));
}

// A machine that went away without a word is noticed within two minutes.
void set_options(int socket) {
  const auto set = [&](int level, int name, int value) {
    setsockopt(socket, level, name, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
#ifdef TCP_KEEPIDLE
  set(IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 15);
  set(IPPROTO_TCP, TCP_KEEPCNT, 4);
#endif
}

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

Result<Addresses> addresses_of(const std::string& host, int port) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found);
  if (code != 0) {
    return resource_error(host + ": " + gai_strerror(code),
                          "MASTER_ADDR names process 0's machine");
  }
  return Addresses(found, &freeaddrinfo);
}

bool is_loopback(const addrinfo& address) {
  if (address.ai_family == AF_INET) {
    const auto* in = reinterpret_cast<const sockaddr_in*>(address.ai_addr);
    return (ntohl(in->sin_addr.s_addr) >> 24) == 127;
  }
  if (address.ai_family != AF_INET6) return false;
  return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6*>(address.ai_addr)->sin6_addr);
}

Result<Listener> listen_at(const sockaddr* address, socklen_t length) {
  Connection made(::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (made.socket() < 0) return socket_error("a socket for the other processes");
  if (::bind(made.socket(), address, length) != 0 || ::listen(made.socket(), kQueue) != 0) {
    return socket_error("a port for the other processes");
  }
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (::getsockname(made.socket(), reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    return socket_error("a port for the other processes");
  }
  const int port = bound.ss_family == AF_INET6
                       ? ntohs(reinterpret_cast<const sockaddr_in6*>(&bound)->sin6_port)
                       : ntohs(reinterpret_cast<const sockaddr_in*>(&bound)->sin_port);
  return Listener{std::move(made), port};
}

}  // namespace

Connection& Connection::operator=(Connection&& other) noexcept {
  if (this != &other) std::swap(socket_, other.socket_);
  return *this;
}

Connection::~Connection() {
  if (socket_ >= 0) ::close(socket_);
}

namespace {

Status send_all(int socket, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t sent = ::send(socket, data, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return socket_error("sending");
    data += sent;
    size -= static_cast<size_t>(sent);
  }
  return {};
}

Status receive_all(int socket, char* data, size_t size) {
  while (size > 0) {
    const ssize_t got = ::recv(socket, data, size, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) return resource_error("it ended without a word");
    if (got < 0) return socket_error("receiving");
    data += got;
    size -= static_cast<size_t>(got);
  }
  return {};
}

}  // namespace

Status Connection::send(Message kind, const void* data, size_t size) {
  const Head head{kMark, static_cast<uint32_t>(kind), size};
  RELATA_CHECK(send_all(socket_, reinterpret_cast<const char*>(&head), sizeof head));
  return send_all(socket_, static_cast<const char*>(data), size);
}

Result<Received> Connection::receive(uint64_t most) {
  Head head;
  RELATA_CHECK(receive_all(socket_, reinterpret_cast<char*>(&head), sizeof head));
  if (head.mark != kMark || head.size > most) {
    return resource_error("what it sent is no message of this program");
  }
  Received out{static_cast<Message>(head.kind), std::string(head.size, '\0')};
  RELATA_CHECK(receive_all(socket_, out.bytes.data(), out.bytes.size()));
  return out;
}

void Connection::set_patience(double seconds) {
  timeval time{};
  time.tv_sec = static_cast<time_t>(seconds);
  time.tv_usec = static_cast<suseconds_t>((seconds - std::floor(seconds)) * 1e6);
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
}

Result<Listener> listen_for(const std::string& address) {
  RELATA_TRY(const Addresses found, addresses_of(address, 0));
  if (is_loopback(*found)) return listen_at(found->ai_addr, found->ai_addrlen);
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  any.sin6_addr = in6addr_any;  // IPv4 too
  auto both = listen_at(reinterpret_cast<const sockaddr*>(&any), sizeof any);
  if (both.ok()) return both;
  sockaddr_in old{};
  old.sin_family = AF_INET;
  return listen_at(reinterpret_cast<const sockaddr*>(&old), sizeof old);
}

Result<Connection> accept_from(const Listener& listener, double seconds) {
  pollfd waiting{listener.socket.socket(), POLLIN, 0};
  const int milliseconds = static_cast<int>(std::clamp(seconds, 0.0, 1e6) * 1000);
  int ready = ::poll(&waiting, 1, milliseconds);
  while (ready < 0 && errno == EINTR) ready = ::poll(&waiting, 1, milliseconds);
  if (ready == 0) return resource_error("not all processes came in time");
  Connection made(::accept4(listener.socket.socket(), nullptr, nullptr, SOCK_CLOEXEC));
  if (made.socket() < 0) return socket_error("a connection of another process");
  set_options(made.socket());
  return made;
}

Result<Connection> connect_to(const std::string& address, int port) {
  RELATA_TRY(const Addresses found, addresses_of(address, port));
  errno = ECONNREFUSED;
  for (const addrinfo* a = found.get(); a != nullptr; a = a->ai_next) {
    Connection made(::socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (made.socket() < 0 || ::connect(made.socket(), a->ai_addr, a->ai_addrlen) != 0) continue;
    set_options(made.socket());
    return made;
  }
  return socket_error(address + ":" + std::to_string(port));
}

Result<size_t> wait_for(const std::vector<Connection>& connections, size_t wanted) {
  std::vector<pollfd> waiting;
  for (size_t i = 0; i < connections.size(); ++i) {
    const auto events = static_cast<short>(i == wanted ? POLLIN : POLLRDHUP);
    waiting.push_back({connections[i].socket(), events, 0});
  }
  while (true) {
    const int ready = ::poll(waiting.data(), waiting.size(), -1);
    if (ready < 0 && errno != EINTR) return socket_error("waiting for the other processes");
    if (waiting[wanted].revents != 0) return wanted;
    for (size_t i = 0; i < waiting.size(); ++i) {
      if (waiting[i].revents != 0) return i;
    }
  }
}

}  // namespace relata::train
