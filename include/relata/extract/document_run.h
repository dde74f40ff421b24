// Many documents answered one after the other, none held longer than its batch.
#pragma once

#include <functional>
#include <string>

#include "relata/data/document_stream.h"

namespace relata::extract {

struct DocumentRun {
  // Asked for as they are wanted. Without a journal a batch does not wait for documents that are
  // not ready; with one it does, so that an interrupted run has the batches of one that was not.
  data::DocumentSource& documents;
  // Notes each document that is finished, stamped (meta "extractor", "model", "schema", "relata"),
  // under its id and what was asked; "" for none. What it has of the same settings is not asked
  // again, unless what the documents give has changed.
  std::string journal;
  // Takes each document once it and all before it are finished. An error ends the run.
  std::function<Status(data::Document)> take;
};

}  // namespace relata::extract
