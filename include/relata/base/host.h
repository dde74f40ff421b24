// Names and addresses of machines.
#pragma once

#include <string>
#include <string_view>

namespace relata {

// Whether it is this machine itself: localhost, a name below .localhost (RFC 6761), or a loopback
// address of IPv4 or IPv6, this one with or without its brackets.
bool is_loopback_host(std::string_view host);

// As a URL has it: an IPv6 address in brackets.
std::string url_host(std::string_view host);

}  // namespace relata
