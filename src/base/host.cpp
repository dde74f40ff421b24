#include "relata/base/host.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>

namespace relata {
namespace {

bool is_loopback_address(const in6_addr& address) {
  if (IN6_IS_ADDR_LOOPBACK(&address)) return true;
  return IN6_IS_ADDR_V4MAPPED(&address) && address.s6_addr[12] == 127;
}

}  // namespace

bool is_loopback_host(std::string_view host) {
  std::string name(host);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (name.ends_with('.')) name.pop_back();
  if (name == "localhost" || name.ends_with(".localhost")) return true;
  in_addr four{};
  if (inet_pton(AF_INET, name.c_str(), &four) == 1) return ntohl(four.s_addr) >> 24 == 127;
  if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
  in6_addr six{};
  return inet_pton(AF_INET6, name.c_str(), &six) == 1 && is_loopback_address(six);
}

std::string url_host(std::string_view host) {
  const bool bare_six = host.find(':') != std::string_view::npos && !host.starts_with('[');
  return bare_six ? "[" + std::string(host) + "]" : std::string(host);
}

}  // namespace relata
