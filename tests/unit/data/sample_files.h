// The small sample of each format in tests/files/data, for tests that hold for all of them.
#pragma once

#include <string>
#include <vector>

#include "relata/base/file.h"
#include "relata/data/formats.h"

namespace relata::data {

struct FormatSample {
  std::string path;  // below tests/files/data
  std::string format;
};

inline const std::vector<FormatSample>& format_samples() {
  static const std::vector<FormatSample> samples = {{"documents.jsonl", "jsonl"},
                                                    {"fewrel.json", "fewrel"},
                                                    {"pairs.txt", "cre-tsv"},
                                                    {"pairs_crlf.txt", "cre-tsv"},
                                                    {"pairs.csv", "csv"},
                                                    {"formats/lines.txt", "text"},
                                                    {"formats/cre_llm.json", "cre-llm"},
                                                    {"formats/alpaca.json", "alpaca"},
                                                    {"formats/sharegpt.json", "sharegpt"},
                                                    {"formats/docred.json", "docred"},
                                                    {"formats/docred-result.json", "docred-result"},
                                                    {"formats/tacred.json", "tacred"},
                                                    {"formats/semeval2010.txt", "semeval2010"},
                                                    {"formats/train_sentences.json", "semeval2010"},
                                                    {"formats/nyt.json", "nyt"},
                                                    {"formats/nyt_cotype.json", "nyt"},
                                                    {"formats/nyt_relation_list.json", "nyt"},
                                                    {"formats/conll04.json", "conll04"},
                                                    {"formats/conll04_spert.json", "conll04"},
                                                    {"formats/ade.rel", "ade"},
                                                    {"formats/ade_dose.rel", "ade"},
                                                    {"formats/ade_neg.txt", "ade"},
                                                    {"formats/scierc.json", "scierc"},
                                                    {"formats/chemprot.txt", "chemprot"},
                                                    {"formats/kbp37.txt", "kbp37"},
                                                    {"formats/spo.json", "spo"},
                                                    {"formats/opennre.jsonl", "opennre"},
                                                    {"formats/glirel.jsonl", "glirel"},
                                                    {"formats/spacy.jsonl", "spacy"},
                                                    {"formats/instructuie.json", "instructuie"},
                                                    {"formats/iepile.json", "instructuie"},
                                                    {"annotated/words.conll", "conll-ner"},
                                                    {"annotated/tag_first.txt", "conll-ner"},
                                                    {"annotated/characters.txt", "conll-ner"},
                                                    {"annotated/abstracts.pubtator", "pubtator"},
                                                    {"annotated/pairs.cdr", "pubtator"},
                                                    {"annotated/casie.json", "casie"},
                                                    {"annotated/phee.jsonl", "phee"},
                                                    {"annotated/rams.jsonl", "rams"},
                                                    {"annotated/wikievents.jsonl", "wikievents"},
                                                    {"annotated/crudeoil.json", "crudeoilnews"},
                                                    {"annotated/label_studio.json", "label-studio"},
                                                    {"annotated/brat/doc.ann", "brat"}};
  return samples;
}

inline std::string sample_path(const FormatSample& sample) {
  return RELATA_TEST_FILES "/data/" + sample.path;
}

inline std::string sample_content(const FormatSample& sample) {
  return read_file(sample_path(sample)).value();
}

// The name for a parameterised test: letters and digits alone.
inline std::string sample_name(const FormatSample& sample) {
  std::string name = sample.path;
  for (char& c : name) {
    const bool good = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!good) c = '_';
  }
  return name;
}

}  // namespace relata::data
