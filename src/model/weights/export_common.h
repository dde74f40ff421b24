// What all exports do first.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "relata/base/ggml_type.h"
#include "relata/model/config.h"
#include "relata/model/decoder.h"
#include "relata/model/export.h"

namespace relata::model {

// An error where `out` is the model itself.
Status check_place(const std::string& model, const std::string& out);
// The type that ExportOptions::dtype names.
Result<GgmlType> export_type(const std::string& dtype, const DecoderConfig& config);
// In float32, or bfloat16 for that type; merged with the adapter, if there is one.
Result<std::shared_ptr<Decoder>> load_for_export(const std::string& model,
                                                 const ExportOptions& options, GgmlType type);
// What the written file says of the model it was made of; nothing where an adapter is merged.
Result<std::map<std::string, std::string>> origin_of(const std::string& model,
                                                     const ExportOptions& options);

// The files of a model's tokenizer, its chat template and its vectors (sentence-transformers), into
// a folder.
Status copy_companions(const std::string& model, const std::string& folder);

// Errors where config.json, or llama.cpp, cannot express what the configuration says.
Status check_hf_form(const DecoderConfig& config);
Status check_gguf_form(const DecoderConfig& config);
// Of an adapter: that llama.cpp has names for what it adapts.
Status check_gguf_names(const DecoderConfig& config);

}  // namespace relata::model
