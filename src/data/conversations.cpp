#include "relata/data/conversations.h"

#include <utility>

#include "encoding.h"
#include "formats/json_records.h"

namespace relata::data {
namespace {

class ConversationReader {
 public:
  explicit ConversationReader(const ConversationMembers& members) : members_(members) {}

  Result<Conversation> read(const JsonRecord& record) const {
    const JsonView root = record.root();
    RELATA_CHECK(record.check_object(root));
    Conversation out;
    out.where = record.where();
    const JsonView messages = find_messages(root);
    if (messages) {
      RELATA_CHECK(read_messages(record, messages, out));
    } else if (root.find(members_.instruction) || root.find(members_.output)) {
      RELATA_CHECK(read_instruction(record, out));
    } else if (root.find("prompt")) {
      RELATA_CHECK(read_prompt(record, out));
    } else {
      return record.fail(root, "is no instruction data",
                         "give \"instruction\" and \"output\", \"messages\", or \"prompt\" and "
                         "\"completion\"");
    }
    RELATA_CHECK(check(out));
    return out;
  }

 private:
  JsonView find_messages(JsonView root) const {
    if (!members_.messages.empty()) return root.find(members_.messages);
    const JsonView found = root.find("conversations");
    return found ? found : root.find("messages");
  }

  Status add_system(const JsonRecord& record, Conversation& out) const {
    RELATA_TRY(const std::string_view system, record.find_text(record.root(), members_.system));
    if (!system.empty()) out.messages.push_back({"system", std::string(system)});
    return {};
  }

  Status read_instruction(const JsonRecord& record, Conversation& out) const {
    const JsonView root = record.root();
    RELATA_CHECK(add_system(record, out));
    RELATA_TRY(const JsonView history, record.find_list(root, members_.history));
    if (history) {
      for (const JsonView turn : history) {
        RELATA_CHECK(record.check_list(turn, 2));
        RELATA_TRY(const std::string_view question, record.as_text(turn.at(0)));
        RELATA_TRY(const std::string_view answer, record.as_text(turn.at(1)));
        add_turn(std::string(question), answer, out);
      }
    }
    RELATA_TRY(const std::string_view instruction, record.get_text(root, members_.instruction));
    RELATA_TRY(const std::string_view input, record.find_text(root, members_.input));
    RELATA_TRY(const std::string_view output, record.get_text(root, members_.output));
    std::string question(instruction);
    if (!question.empty() && !input.empty()) question += '\n';
    question += input;
    add_turn(std::move(question), output, out);
    return {};
  }

  Status read_prompt(const JsonRecord& record, Conversation& out) const {
    const JsonView root = record.root();
    RELATA_CHECK(add_system(record, out));
    RELATA_TRY(const std::string_view prompt, record.get_text(root, "prompt"));
    const char* answer = root.find("response") ? "response" : "completion";
    RELATA_TRY(const std::string_view completion, record.get_text(root, answer));
    add_turn(std::string(prompt), completion, out);
    return {};
  }

  static void add_turn(std::string question, std::string_view answer, Conversation& out) {
    out.messages.push_back({"user", std::move(question)});
    out.messages.push_back({"assistant", std::string(answer)});
  }

  Status read_messages(const JsonRecord& record, JsonView list, Conversation& out) const {
    if (!list.is_array()) return record.fail(list, "is not a list of messages");
    RELATA_CHECK(add_system(record, out));
    for (const JsonView message : list) {
      RELATA_CHECK(record.check_object(message));
      const std::string role_key = !members_.role.empty() ? members_.role
                                   : message.find("from") ? "from"
                                                          : "role";
      const std::string content_key = !members_.content.empty() ? members_.content
                                      : message.find("value")   ? "value"
                                                                : "content";
      RELATA_TRY(const std::string_view name, record.get_text(message, role_key));
      RELATA_TRY(const std::string_view content, record.get_text(message, content_key));
      const std::string role = role_of(name);
      if (role.empty()) {
        return record.fail(message.find(role_key),
                           "is \"" + std::string(name) + "\", which is not trained on",
                           "roles are system, user (human) and assistant (gpt)");
      }
      if (role == "system" && content.empty()) continue;
      out.messages.push_back({role, std::string(content)});
    }
    return {};
  }

  std::string role_of(std::string_view name) const {
    const auto is = [&](const std::string& stated) { return !stated.empty() && name == stated; };
    if (is(members_.user)) return "user";
    if (is(members_.assistant)) return "assistant";
    if (is(members_.system_role)) return "system";
    if (name == "human" || name == "user") return "user";
    if (name == "gpt" || name == "assistant" || name == "model") return "assistant";
    return name == "system" ? "system" : "";
  }

  static Status check(const Conversation& conversation) {
    const auto& messages = conversation.messages;
    const std::string& where = conversation.where;
    const size_t first = !messages.empty() && messages[0].role == "system" ? 1 : 0;
    if (messages.size() < first + 2) {
      return input_error(where + ": there is no question with an answer");
    }
    for (size_t i = first; i < messages.size(); ++i) {
      const std::string wanted = (i - first) % 2 == 0 ? "user" : "assistant";
      if (messages[i].role != wanted) {
        return input_error(where + ": message " + std::to_string(i + 1) + " is of the " +
                               messages[i].role + " where the " + wanted + "'s is due",
                           "user and assistant take turns, behind a system message if there is "
                           "one");
      }
      if (messages[i].content.empty()) {
        return input_error(where + ": message " + std::to_string(i + 1) + ", of the " + wanted +
                           ", is empty");
      }
    }
    if (messages.back().role != "assistant") {
      return input_error(where + ": the last question has no answer",
                         "remove it, or give its answer");
    }
    return {};
  }

  const ConversationMembers& members_;
};

}  // namespace

Result<std::vector<Conversation>> read_conversations(const std::string& path,
                                                     const ConversationMembers& members) {
  RELATA_TRY(const std::string text, read_text_file(path));
  Dataset unused;
  Intake intake({}, unused);
  const Source source(text, path);
  const ConversationReader reader(members);
  std::vector<Conversation> out;
  RELATA_CHECK(read_json_records(source, intake, [&](const JsonRecord& record) -> Status {
    RELATA_TRY(Conversation conversation, reader.read(record));
    out.push_back(std::move(conversation));
    return {};
  }));
  if (out.empty()) return input_error(path + ": there are no records");
  return out;
}

}  // namespace relata::data
