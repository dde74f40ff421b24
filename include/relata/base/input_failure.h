// Bad input that shows itself where no Result can be returned, deep inside work that otherwise
// cannot fail. The program reports it as it does an input error; a consumer of the library may
// catch it like any std::runtime_error.
#pragma once

#include <stdexcept>

namespace relata {

class InputFailure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;  // the message names the file
};

}  // namespace relata
