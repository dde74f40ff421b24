// Tokenizers from before tokenizer.json: vocab.json with merges.txt (GPT-2 and its kin), vocab.txt
// (BERT), and tiktoken's rank files.
#pragma once

#include <memory>

#include "json_reader.h"
#include "model_folder.h"
#include "relata/text/tokenizer.h"

namespace relata::text {

Result<std::shared_ptr<const Tokenizer>> load_vocab_json(ModelFolder files);
// What a tokenizer.json would say in place of a folder's vocab.json, merges.txt and configuration.
Result<Node> vocab_json_root(const ModelFolder& files);
// The same of a folder's vocab.txt.
Result<Node> vocab_txt_root(const ModelFolder& files);
Result<std::shared_ptr<const Tokenizer>> load_vocab_txt(ModelFolder files);
// `name`: the rank file in the folder.
Result<std::shared_ptr<const Tokenizer>> load_tiktoken(ModelFolder files, const std::string& name);
// Whether a file of this content is a rank file, told by its first line.
bool looks_like_tiktoken(std::string_view content);

}  // namespace relata::text
