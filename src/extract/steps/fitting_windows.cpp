#include "fitting_windows.h"

#include <algorithm>

#include "relata/data/windows.h"

namespace relata::extract {

Result<std::vector<data::Document>> fitting_windows(const StepPrompter& prompter,
                                                    const text::Tokenizer& tokenizer,
                                                    const data::Document& document, size_t room) {
  if (prompter.longest_prompt(tokenizer, document) <= room) {
    return std::vector<data::Document>{document};
  }
  data::Document nothing;
  const size_t frame = prompter.longest_prompt(tokenizer, nothing);
  // A window's tokens are counted in its surroundings; on its own it may take a few more.
  constexpr size_t kSlack = 8;
  constexpr size_t kLeast = 16;
  if (room < frame + kSlack + kLeast) {
    return usage_error("document \"" + document.id + "\": no room for any text: " +
                           std::to_string(room) + " tokens for a prompt, of which " +
                           "the longest question takes " + std::to_string(frame),
                       "a model with a longer context, shorter descriptions, or a smaller "
                       "max_new_tokens");
  }
  data::WindowOptions options;
  options.units = [&](const std::string& text) {
    std::vector<text::ByteRange> units;
    for (const text::Token& token : tokenizer.encode(text, false)) units.push_back(token.range);
    return units;
  };
  std::vector<data::Document> out;
  for (size_t size = room - frame - kSlack; out.empty() && size > 0; size = size * 3 / 4) {
    options.size = size;
    options.overlap = size / 4;
    RELATA_TRY(auto windows, data::make_windows(document, options));
    const bool fit = std::all_of(windows.begin(), windows.end(), [&](const data::Window& window) {
      return prompter.longest_prompt(tokenizer, window.document) <= room;
    });
    if (!fit) continue;
    for (data::Window& window : windows) out.push_back(std::move(window.document));
  }
  return out;
}

}  // namespace relata::extract
