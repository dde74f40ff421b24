// Memory that encoding one text needs, kept from text to text so that the hot path allocates none.
#pragma once

#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

#include "added_tokens.h"
#include "hf/models/piece_model.h"
#include "unicode/aligned_text.h"

namespace relata::text {

// A part of a text under pre-tokenization.
struct Piece {
  size_t begin;
  size_t end;
  size_t source;  // where it starts in the original text
};

// Pre-tokenizers turn `text` and `pieces` into others; what is spare is theirs to write to.
struct PieceBuffers {
  AlignedText text;
  AlignedText spare_text;
  std::vector<Piece> pieces;
  std::vector<Piece> spare_pieces;
  std::vector<ByteRange> matches;
  std::string characters;
};

struct Workspace {
  std::vector<AddedTokenMatcher::Match> raw_matches;
  std::vector<AddedTokenMatcher::Match> normalized_matches;
  PieceBuffers buffers;
  std::string normalized;
  std::vector<uint32_t> origins;
  PieceTokens tokens;
  ModelScratch model;
  PieceCache cache;
  float least_lead = ModelScratch::kSure;  // of what segment_cached() has appended
  size_t pieces = 0;                       // how many tokens that is
};

// Appends to workspace.tokens the tokens of `piece`, of which segment(part, scratch, out) makes
// those that are not in the cache; with `cut`, part by part (next_cut).
template <class Segment>
void segment_cached(std::string_view piece, bool cut, Workspace& workspace, Segment segment) {
  PieceTokens& tokens = workspace.tokens;
  for (size_t begin = 0; begin < piece.size();) {
    const size_t end = cut ? next_cut(piece, begin) : piece.size();
    const std::string_view part = piece.substr(begin, end - begin);
    const size_t first = tokens.size();
    PieceCache::Entry entry;
    if (workspace.cache.find(part, entry)) {
      tokens.insert(tokens.end(), entry.tokens.begin(), entry.tokens.end());
    } else {
      workspace.model.lead = ModelScratch::kSure;
      segment(part, workspace.model, tokens);
      entry = {std::span(tokens).subspan(first), workspace.model.lead};
      workspace.cache.add(part, entry);
    }
    workspace.least_lead = std::min(workspace.least_lead, entry.lead);
    workspace.pieces += tokens.size() - first;
    for (size_t i = first; begin > 0 && i < tokens.size(); ++i) {
      tokens[i].begin += static_cast<uint32_t>(begin);
      tokens[i].end += static_cast<uint32_t>(begin);
    }
    begin = end;
  }
}

// Lends workspaces, one to a caller at a time; as many exist as there were callers at once.
class WorkspacePool {
 public:
  class Lease {
   public:
    explicit Lease(WorkspacePool& pool) : pool_(pool), workspace_(pool.take()) {}
    ~Lease() { pool_.give(std::move(workspace_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Workspace& operator*() { return *workspace_; }

   private:
    WorkspacePool& pool_;
    std::unique_ptr<Workspace> workspace_;
  };

 private:
  std::unique_ptr<Workspace> take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return std::make_unique<Workspace>();
    auto workspace = std::move(free_.back());
    free_.pop_back();
    return workspace;
  }
  void give(std::unique_ptr<Workspace> workspace) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(workspace));
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<Workspace>> free_;
};

}  // namespace relata::text
