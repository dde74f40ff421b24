// The extractor folder: everything `relata extract` needs, in one place (INTERFACE.md).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "relata/base/json.h"
#include "relata/data/schema.h"
#include "relata/extract/calibrate.h"
#include "relata/extract/demonstrations.h"
#include "relata/extract/icl.h"
#include "relata/extract/name_model.h"
#include "relata/extract/pipeline.h"
#include "relata/extract/template.h"
#include "relata/text/chat.h"

namespace relata::extract {

struct ExtractorConfig {
  int format_version = 1;
  std::string pipeline = "pair";
  // Of `model` where it is a file: it is found by its name in other places too (find_model()).
  std::string model_sha256;
  std::string model = "model";  // folder, relative to the extractor's or absolute
  // What the model's float weights were quantised to when the adapters were trained, and are when
  // it answers: "nf4", or "".
  std::string quantization;
  bool double_quantization = true;
  std::string adapter;  // "" or "adapters/pair": of all steps
  // Instead of `adapter`: folders by the names that the template's steps give.
  std::map<std::string, std::string> adapters;
  std::string template_file = "templates/pair.yaml";
  std::string chat = "none";  // chat wrapper; "auto": the model's own
  // `pair`, `rag`: labels (exhaustive scoring) or free; others: constrained (to the schema and the
  // text) or free.
  std::string decode = "labels";
  double threshold = 0.5;      // a label beside the best one is kept from this posterior on
  double negative_bias = 0.0;  // added to the negative label's log-probability; tuned on dev
  int max_new_tokens = 64;     // of a generated answer
  // Document pipelines, by step: an item of a list or a yes counts from this probability on.
  std::map<std::string, double> thresholds;
  // Document pipelines, constrained: a list ends only where one more item has at most this
  // probability, so that what is likely but not the likeliest is found too; 1: off.
  double continue_above = 1.0;
  // Document pipelines, names free: of facts of one relation whose two ends overlap ("Hol", "Hol
  // municipality") only the most probable counts. Helps models that are unsure of names' borders;
  // costs a good one a tenth of what it finds.
  bool drop_overlapping = false;
  // `rag`: only relations that the entities' types allow are scored.
  bool mask_types = false;
  DemonstrationSettings demonstrations;  // of pipelines that show examples
  std::vector<std::string> tasks;        // `icl`: of ner, re, ed, eae; none: all of the schema's
};
// Whether the pipeline asks about pairs of entities (`pair`, `rag`).
bool asks_pairs(const std::string& pipeline);
// Whether it asks about documents in the steps of a template (pipeline.h): all but `pair`, `rag`
// and `icl`.
bool asks_steps(const std::string& pipeline);
// Whether its prompts show examples (`rag`, `icl`).
bool uses_demonstrations(const std::string& pipeline);
// Of a new extractor: what the pipeline usually has.
ExtractorConfig default_config(const std::string& pipeline);
// The probability from which on an answer of the step counts.
double step_threshold(const ExtractorConfig& config, const StepTemplate& step);

struct Extractor {
  std::string folder;
  ExtractorConfig config;
  data::Schema schema;
  // Relations that the model was taught and this run leaves out (replace_schema()): free decoding
  // understands them in an answer and drops them.
  std::vector<data::RelationType> left_out;
  PairTemplate pair_template;              // of the pipelines `pair` and `rag`
  IclTemplate icl;                         // of the pipeline `icl`
  PipelineSpec pipeline;                   // of all others
  std::optional<Calibration> calibration;  // of facts' scores; calibration.json, where there is one
  // What documents' names look like; names.json, where there is one. Pipelines of steps ask it how
  // likely the ends of a fact are.
  std::shared_ptr<const NameModel> names;
  std::optional<text::ChatTemplate> chat;  // config.chat, looked up; "auto" must be, once
  // What finds examples in the pool that config.demonstrations names. Set by who loads the
  // extractor; null: no examples are shown.
  std::shared_ptr<const DemonstrationSource> demonstrations;
  std::string pool_path() const;  // resolved
  Result<text::ChatTemplate> chat_wrapper() const;
  std::string model_path() const;  // resolved
  // The model's place: model_path(), else a file of its name, with its hash where that is stated,
  // beside the extractor or in one of `places`. The error says where was looked.
  Result<std::string> find_model(const std::vector<std::string>& places) const;
  std::string adapter_path() const;  // resolved, or ""
  // Resolved, by name: what the engine loads for the pipeline's steps.
  std::map<std::string, std::string> adapter_paths() const;
};

// Whether the neighbours' labels alone decide (demonstrations.vote 1); free answers are
// the model's.
bool needs_no_model(const Extractor& extractor);

// Errors name the missing or malformed file; a newer format_version says to upgrade relata.
Result<Extractor> load_extractor(const std::string& folder);
// Writes extractor.yaml, schema.json, templates/ and, if set, names.json and calibration.json;
// model/ and adapters/ are the trainer's.
Status save_extractor(const Extractor& extractor);

// Extracts by another schema than the extractor's own. Label scoring can ask about any relation,
// though a model judges well only what it was taught. Free decoding (`decode` "free") can only read
// names that the model writes: those of the extractor's schema, unless its prompt lists the
// relations; the error names the first other one. A relation's id, which results carry, is free.
Status replace_schema(Extractor& extractor, data::Schema schema, const std::string& decode);

// The pipelines there are, and the check of a name that a user gave. All but `pair` and `rag` ask
// about whole documents.
std::vector<std::string> pipeline_names();
Status check_pipeline(const std::string& name);

}  // namespace relata::extract
