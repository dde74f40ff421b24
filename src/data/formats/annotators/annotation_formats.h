// The formats of entities, events and annotation tools; see registry.h.
#pragma once

#include "registry.h"

namespace relata::data {

FormatEntry conll_ner_format();
FormatEntry pubtator_format();
FormatEntry casie_format();
FormatEntry phee_format();
FormatEntry rams_format();
FormatEntry wikievents_format();
FormatEntry crudeoilnews_format();
FormatEntry label_studio_format();
FormatEntry brat_format();

}  // namespace relata::data
