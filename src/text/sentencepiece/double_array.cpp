#include "double_array.h"

#include <algorithm>

namespace relata::text {

class DoubleArray::Builder {
 public:
  using Keys = std::span<const std::pair<std::string_view, int32_t>>;

  Builder(Keys keys, std::vector<Cell>& cells) : keys_(keys), cells_(cells) {}

  void build() {
    std::vector<Task> tasks = {{kRoot, 0, keys_.size(), 0}};
    while (!tasks.empty()) {
      const Task task = tasks.back();
      tasks.pop_back();
      place(task, tasks);
    }
  }

 private:
  struct Task {
    uint32_t node;
    size_t begin;  // the keys below the node
    size_t end;
    size_t depth;
  };
  struct Child {
    uint8_t byte;
    size_t begin;
    size_t end;
  };

  void place(Task task, std::vector<Task>& tasks) {
    if (task.begin < task.end && keys_[task.begin].first.size() == task.depth) {
      cells_[task.node].value = keys_[task.begin].second;
      ++task.begin;
    }
    children_.clear();
    for (size_t i = task.begin; i < task.end; ++i) {
      const auto byte = static_cast<uint8_t>(keys_[i].first[task.depth]);
      if (children_.empty() || children_.back().byte != byte) children_.push_back({byte, i, i});
      children_.back().end = i + 1;
    }
    if (children_.empty()) return;
    const size_t base = find_base();
    cells_[task.node].base = static_cast<uint32_t>(base);
    for (const Child& child : children_) {
      const auto node = static_cast<uint32_t>(base + child.byte);
      cells_[node].parent = task.node;
      tasks.push_back({node, child.begin, child.end, task.depth + 1});
    }
  }

  bool is_free(size_t cell) const {
    return cell >= cells_.size() || (cell != kRoot && cells_[cell].parent == kNone);
  }

  size_t find_base() {
    while (!is_free(first_free_)) ++first_free_;
    size_t tried = 0;
    const uint8_t lowest = children_.front().byte;
    for (size_t cell = std::max<size_t>(first_free_, size_t{lowest} + 1);; ++cell) {
      if (!is_free(cell)) continue;
      const size_t base = cell - lowest;
      const bool fits = std::all_of(children_.begin(), children_.end(),
                                    [&](const Child& child) { return is_free(base + child.byte); });
      if (!fits) {
        // A region with few holes left is not searched again.
        if (++tried == kPatience) first_free_ = cell;
        continue;
      }
      const size_t needed = base + children_.back().byte + 1;
      if (needed > cells_.size()) cells_.resize(std::max(needed, cells_.size() * 3 / 2));
      return base;
    }
  }

  static constexpr size_t kPatience = 64;
  Keys keys_;
  std::vector<Cell>& cells_;
  std::vector<Child> children_;
  size_t first_free_ = 1;
};

DoubleArray::DoubleArray(std::span<const std::pair<std::string_view, int32_t>> keys) {
  Builder(keys, cells_).build();
}

}  // namespace relata::text
