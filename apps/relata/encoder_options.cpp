#include "encoder_options.h"

namespace relata::app {

void add_encoder_flags(CLI::App& verb, EncoderFlags& flags) {
  verb.add_option("--dtype", flags.dtype, "Of the encoder's products: float32 (default), bfloat16")
      ->type_name("TYPE")
      ->check(CLI::IsMember({"float32", "bfloat16"}));
  verb.add_option("--max-tokens", flags.max_tokens,
                  "Of a text; more is cut off (default: as the encoder's folder says)")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20));
  verb.add_option("--pooling", flags.pooling,
                  "mean, cls, max, mean_sqrt_len or lasttoken (default: as its folder says)")
      ->type_name("NAME")
      ->check(CLI::IsMember({"mean", "cls", "max", "mean_sqrt_len", "lasttoken"}));
  verb.add_option("--query-prefix", flags.query_prefix,
                  "Put before queries, as E5's \"query: \" (default: as its folder says)")
      ->type_name("TEXT");
  verb.add_option("--passage-prefix", flags.passage_prefix,
                  "Put before passages, as E5's \"passage: \" (default: as its folder says)")
      ->type_name("TEXT");
}

retrieve::EncoderOptions encoder_options(const EncoderFlags& flags) {
  retrieve::EncoderOptions options;
  options.model = flags.model;
  options.dtype = flags.dtype;
  if (flags.max_tokens > 0) options.max_tokens = flags.max_tokens;
  if (!flags.pooling.empty()) options.pooling = flags.pooling;
  options.query_prefix = flags.query_prefix;
  options.passage_prefix = flags.passage_prefix;
  return options;
}

}  // namespace relata::app
