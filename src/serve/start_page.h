// The page on which people try the extractors of a server.
#pragma once

#include <string>
#include <vector>

#include "relata/serve/server.h"

namespace relata::serve {

// Self-contained: it asks for nothing but this server's answers.
std::string start_page(const std::vector<Service>& services);

}  // namespace relata::serve
