// Result<T>: the value of an operation, or an Error that a user can act on.
//
// Expected failures (a bad file, bad input, a full disk) travel as Result; broken preconditions
// throw std::logic_error; libraries never print and never exit.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

namespace relata {

// What kind of failure this is; apps/relata maps it to the process exit code.
enum class ErrorCode {
  kInternal,  // a bug: exit 1
  kUsage,     // wrong flags or configuration: exit 2
  kBadInput,  // a file's content is wrong: exit 3
  kResource,  // disk, memory, permission: exit 5
};

// `message` names the place ("data/finre.txt:17: 3 columns, 4 wanted"); `hint` says what to do.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  std::string hint;
};

inline Error usage_error(std::string message, std::string hint = "") {
  return {ErrorCode::kUsage, std::move(message), std::move(hint)};
}
inline Error input_error(std::string message, std::string hint = "") {
  return {ErrorCode::kBadInput, std::move(message), std::move(hint)};
}
inline Error resource_error(std::string message, std::string hint = "") {
  return {ErrorCode::kResource, std::move(message), std::move(hint)};
}
inline Error internal_error(std::string message) {
  return {ErrorCode::kInternal, std::move(message), "this is a bug in relata; please report it"};
}

template <class T>
class [[nodiscard]] Result {
 public:
  using Value = T;
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(*-explicit-*)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(*-explicit-*)

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // Throw std::logic_error when this holds the other alternative.
  T& value() & {
    require(ok());
    return std::get<0>(state_);
  }
  const T& value() const& {
    require(ok());
    return std::get<0>(state_);
  }
  T&& value() && {
    require(ok());
    return std::get<0>(std::move(state_));
  }
  const Error& error() const {
    if (ok()) throw std::logic_error("Result::error() on a value");
    return std::get<1>(state_);
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  void require(bool good) const {
    if (!good) throw std::logic_error("Result::value() on: " + std::get<1>(state_).message);
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using Value = void;
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(*-explicit-*)
  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  void value() const {
    if (!ok()) throw std::logic_error("Status::value() on: " + error_->message);
  }
  const Error& error() const {
    if (ok()) throw std::logic_error("Status::error() on success");
    return *error_;
  }

 private:
  std::optional<Error> error_;
};
using Status = Result<void>;

}  // namespace relata

#define RELATA_CONCAT_INNER(a, b) a##b
#define RELATA_CONCAT(a, b) RELATA_CONCAT_INNER(a, b)

// RELATA_TRY(auto text, read_file(path)); returns the error to the caller, or declares the value.
#define RELATA_TRY(declaration, expression) \
  RELATA_TRY_IMPL(RELATA_CONCAT(relata_result_, __LINE__), declaration, expression)
#define RELATA_TRY_IMPL(temporary, declaration, expression)                     \
  auto temporary = (expression);                 /* NOLINT(bugprone-macro-*) */ \
  if (!temporary.ok()) return temporary.error(); /* NOLINT(bugprone-macro-*) */ \
  declaration = std::move(temporary).value()     /* NOLINT(bugprone-macro-*): no expressions */

// RELATA_CHECK(write_file_atomic(path, text)); for a Status, or a Result whose value is not needed.
#define RELATA_CHECK(expression)                           \
  do {                                                     \
    const auto& relata_status = (expression);              \
    if (!relata_status.ok()) return relata_status.error(); \
  } while (false)
