// Folders where models are looked for by their names.
#pragma once

#include <string>
#include <vector>

namespace relata::app {

// The folders of RELATA_MODELS, those named models/ in and above the program's place (a checkout's)
// and in the working folder, and the user's cache folder.
std::vector<std::string> model_places();

// The user's cache folder of relata, where what can be made again is kept; "": there is none.
std::string user_cache();

}  // namespace relata::app
