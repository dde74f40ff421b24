#include "json_reader.h"

#include "relata/text/utf8.h"

namespace relata::text {

Result<Node> parse_node(std::string_view text, const std::string& where) {
  try {
    return Node::parse(text.begin(), text.end());
  } catch (const Node::exception& problem) {
    std::string reason = problem.what();
    // "[json.exception.parse_error.101] parse error at line ...": the tag helps nobody.
    if (const size_t tag = reason.find("] "); tag != std::string::npos) reason.erase(0, tag + 2);
    return input_error(where + ": not valid JSON: " + replace_invalid_utf8(reason),
                       "the file may be cut off or a Git LFS pointer; fetch it again");
  }
}

}  // namespace relata::text
