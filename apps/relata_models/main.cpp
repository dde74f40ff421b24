// `relata-models`: every verb of the program, with LibTorch. `relata` starts it, see program.h.
#include "program.h"
#include "relata/retrieve/encoder.h"
#include "torch_info.h"

int main(int argc, char** argv) {
  using namespace relata::app;
  return run_program(
      {{add_train_command, add_extract_command, add_calibrate_command, add_evaluate_command,
        add_generate_command, add_score_command, add_encode_command, add_retriever_command,
        add_serve_command, add_data_command, add_schema_command, add_graph_command,
        add_index_command, add_tokenizer_command, add_model_command, add_pull_command,
        add_doctor_command, add_completion_command},
       set_torch_threads,
       set_torch_device,
       relata::retrieve::make_encoder,
       explain_torch_exception},
      argc, argv);
}
