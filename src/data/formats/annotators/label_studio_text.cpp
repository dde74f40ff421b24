#include "label_studio_text.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace relata::data {

size_t from_utf16(const std::u32string& text, size_t unit) {
  size_t units = 0;
  size_t at = 0;
  for (; at < text.size() && units < unit; ++at) units += text[at] > 0xFFFF ? 2 : 1;
  return at;
}

JsonView place_of_region(JsonView result) {
  const JsonView value = result.find("value");
  return value.is_object() ? value : result;
}

TextFit fit_regions(std::string_view content, const std::vector<JsonView>& results) {
  const std::u32string text = text::to_code_points(content);
  TextFit fit;
  size_t as_points = 0;
  size_t as_units = 0;
  for (const JsonView result : results) {
    const JsonView place = place_of_region(result);
    const auto begin = place.find("start").integer();
    const auto end = place.find("end").integer();
    const JsonView stated = place.find("text");
    if (!begin || !end || *begin < 0 || *end < *begin || !stated.is_string()) continue;
    const auto fits = [&](size_t from, size_t to) {
      if (from > to || to > text.size()) return false;
      return text::to_utf8(text.substr(from, to - from)) == stated.string();
    };
    ++fit.stated;
    as_points += fits(static_cast<size_t>(*begin), static_cast<size_t>(*end));
    as_units += fits(from_utf16(text, static_cast<size_t>(*begin)),
                     from_utf16(text, static_cast<size_t>(*end)));
  }
  fit.fitting = std::max(as_points, as_units);
  if (fit.fitting > 0) {
    fit.units = as_units > as_points ? SpanUnits::kUtf16 : SpanUnits::kCodePoints;
  }
  return fit;
}

JsonView find_task_text(JsonView data, const std::vector<JsonView>& results,
                        std::string_view usual) {
  const JsonView named = data.find("text");
  JsonView best;
  size_t most = 0;
  JsonView only;
  size_t texts = 0;
  data.each_member([&](std::string_view, JsonView value) {
    if (!value.is_string()) return;
    only = value;
    ++texts;
    const size_t fitting = fit_regions(value.string(), results).fitting;
    const bool is_named = named && value.offset() == named.offset();
    if (fitting > most || (fitting == most && fitting > 0 && is_named)) {
      best = value;
      most = fitting;
    }
  });
  if (best) return best;
  if (!usual.empty() && data.find(usual).is_string()) return data.find(usual);
  if (named) return named;
  return texts == 1 ? only : JsonView();
}

std::string key_of_text(JsonView data, JsonView text) {
  std::string found;
  data.each_member([&](std::string_view key, JsonView value) {
    if (value.offset() == text.offset()) found = key;
  });
  return found;
}

std::string_view control_of_region(JsonView result) {
  const JsonView place = place_of_region(result);
  const JsonView name = result.find("to_name");
  const bool has_place = place.find("start") && place.find("end");
  return has_place && name.is_string() ? name.string() : std::string_view();
}

std::string find_control(std::string_view text, std::string_view key,
                         const std::vector<JsonView>& results) {
  std::vector<std::pair<std::string_view, std::vector<JsonView>>> controls;  // in their order
  for (const JsonView result : results) {
    const std::string_view name = control_of_region(result);
    if (name.empty()) continue;
    const auto known = std::find_if(controls.begin(), controls.end(),
                                    [&](const auto& control) { return control.first == name; });
    auto& control =
        known == controls.end() ? controls.emplace_back(name, std::vector<JsonView>()) : *known;
    control.second.push_back(result);
  }
  if (controls.size() < 2) return "";
  std::string_view best = controls.front().first;
  std::optional<int64_t> most;
  for (const auto& [name, regions] : controls) {
    const TextFit fit = fit_regions(text, regions);
    // The name may be another's by chance, but not if what its regions state stands elsewhere.
    if (name == key && (fit.fitting > 0 || fit.stated == 0)) return std::string(name);
    // Short texts fit by chance, so what does not fit counts against a control.
    const auto net = 2 * static_cast<int64_t>(fit.fitting) - static_cast<int64_t>(fit.stated);
    if (fit.fitting > 0 && (!most || net > *most)) {
      best = name;
      most = net;
    }
  }
  return std::string(best);
}

}  // namespace relata::data
