// Instruction data of any task: what is said to a model and what it is to answer, as data sets for
// fine-tuning are published and LLaMA-Factory and TRL read them. relata's own tasks are read as
// Documents (formats.h); this is for rows that are trained on as they stand.
#pragma once

#include <string>
#include <vector>

#include "relata/base/result.h"

namespace relata::data {

struct Message {
  std::string role;  // system, user or assistant
  std::string content;
};

// Perhaps one system message, then user and assistant in turn; the assistant has the last word.
struct Conversation {
  std::vector<Message> messages;
  std::string where;  // "rows.json:1: record 17", for messages about it
};

// How a file calls its members. Lists of messages are found under `messages` if that is set, else
// under "conversations" or "messages".
struct ConversationMembers {
  std::string instruction = "instruction";
  std::string input = "input";
  std::string output = "output";
  std::string system = "system";
  std::string history = "history";
  std::string messages;
  // Of a message; with both left empty, "from" and "value" or "role" and "content".
  std::string role;
  std::string content;
  // Names of roles beside the usual ones (human and user, gpt and assistant, system).
  std::string user;
  std::string assistant;
  std::string system_role;
};

// Reads a list of objects, or objects one after the other, of these forms, which may be mixed:
//   {"instruction", "input"?, "output", "system"?, "history"?: [[question, answer], ...]}
//   {"conversations" or "messages": [{"from", "value"} or {"role", "content"}, ...], "system"?}
//   {"prompt", "completion" or "response"}
// A question is the instruction and, on a line of its own, the input. Other members mean nothing.
// Errors: a file that cannot be read, a record of none of the forms, a role that is not known (of
// tools), turns out of order, an empty answer; each with its place.
Result<std::vector<Conversation>> read_conversations(const std::string& path,
                                                     const ConversationMembers& members = {});

}  // namespace relata::data
