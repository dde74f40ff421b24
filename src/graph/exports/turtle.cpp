// Turtle, as https://www.w3.org/TR/turtle/ has it.
#include <fmt/format.h>

#include <algorithm>

#include "exports/exports.h"
#include "exports/rdf.h"

namespace relata::graph {
namespace {

std::string string_literal(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) {
      out += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

class TurtleWriter {
 public:
  explicit TurtleWriter(const std::string& base) : relations_(base + "relation/") {}

  std::string write(const std::vector<RdfResource>& resources) {
    for (const auto& [name, iri] : kRdfPrefixes) {
      out_ += fmt::format("@prefix {}: <{}> .\n", name, iri);
    }
    out_ += fmt::format("@prefix rel: <{}> .\n", relations_);
    for (const RdfResource& resource : resources) {
      out_ += "\n<" + resource.iri + ">";
      write_properties(resource.properties, "    ");
      out_ += " .\n";
    }
    return std::move(out_);
  }

 private:
  void write_properties(const std::vector<RdfProperty>& properties, const std::string& indent) {
    for (size_t i = 0; i < properties.size(); ++i) {
      out_ += i == 0 ? (indent.size() > 4 ? "" : " ") : " ;\n" + indent;
      write_predicate(properties[i]);
      for (size_t k = 0; k < properties[i].values.size(); ++k) {
        out_ += k == 0 ? " " : ", ";
        write_value(properties[i].values[k], indent);
      }
    }
  }

  void write_predicate(const RdfProperty& property) {
    if (property.kind == RdfKind::kName) {
      out_ += property.predicate == "rdf:type" ? "a" : property.predicate;
      return;
    }
    write_iri(property.predicate);
  }

  // Relations by a prefix where their name needs no escaping in one.
  void write_iri(const std::string& iri) {
    const auto plain = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    if (iri.starts_with(relations_)) {
      const std::string_view local = std::string_view(iri).substr(relations_.size());
      if (!local.empty() && std::all_of(local.begin(), local.end(), plain)) {
        out_ += fmt::format("rel:{}", local);
        return;
      }
    }
    out_ += "<" + iri + ">";
  }

  void write_value(const RdfValue& value, const std::string& indent) {
    switch (value.kind) {
      case RdfKind::kName:
        out_ += value.text;
        break;
      case RdfKind::kIri:
        write_iri(value.text);
        break;
      case RdfKind::kText:
        out_ += string_literal(value.text);
        break;
      case RdfKind::kNumber:
        out_ += string_literal(value.text) + "^^xsd:double";
        break;
      case RdfKind::kBlank:
        out_ += "[ ";
        write_properties(value.inner, indent + "    ");
        out_ += " ]";
        break;
    }
  }

  std::string relations_;
  std::string out_;
};

}  // namespace

std::string to_turtle(const Graph& graph, const std::string& base) {
  return TurtleWriter(base).write(to_rdf(graph, base));
}

}  // namespace relata::graph
