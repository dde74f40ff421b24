// The page on which people try the extractors of a server.
#pragma once

#include <string>
#include <vector>

#include "relata/serve/server.h"

namespace relata::serve {

// Self-contained: it asks for nothing but this server's answers. `asks_key`: it has a field for the
// server's key.
std::string start_page(const std::vector<Service>& services, bool asks_key);

}  // namespace relata::serve
