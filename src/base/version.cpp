#include "relata/base/version.h"

namespace relata {

std::string version() { return RELATA_VERSION; }

}  // namespace relata
