// A template string, split into literal text and placeholders.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "relata/base/result.h"
#include "relata/extract/template.h"

namespace relata::extract {

struct TemplatePart {
  bool placeholder = false;
  std::string text;  // the literal text, or the placeholder's name
};

// `where` ("pair.yaml: prompt") begins error messages. Neighbouring literals are joined.
Result<std::vector<TemplatePart>> split_template(std::string_view text, const std::string& where,
                                                 const std::vector<std::string>& allowed);
Result<std::vector<TemplatePart>> prompt_parts(const PairTemplate& pair_template,
                                               const std::string& where);
Result<std::vector<TemplatePart>> answer_parts(const PairTemplate& pair_template,
                                               const std::string& where);
// Of `example`; none where the template shows no examples.
Result<std::vector<TemplatePart>> example_parts(const PairTemplate& pair_template,
                                                const std::string& where);
bool uses_placeholder(const std::vector<TemplatePart>& parts, std::string_view name);

// Everything that load_pair_template() checks.
Status check_pair_template(const PairTemplate& pair_template, const std::string& where);

}  // namespace relata::extract
