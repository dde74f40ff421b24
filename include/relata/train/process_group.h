// The processes of a data-parallel run, as torchrun and launchers like it start them. Why sums go
// over sockets of our own: docs/decisions/0015.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "relata/base/result.h"

namespace relata::train {

struct ProcessPlace {
  int rank = 0;   // of this process
  int count = 1;  // of the run's processes
  // Of the store (c10d's TCPStore) in which processes find each other.
  std::string address;
  int port = 0;
  bool served = false;        // the launcher serves the store; false: process 0 does
  std::string attempt = "0";  // processes of another attempt are not met
  double seconds = 600;       // to wait for the others
};

// From RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT, and what torchrun says beside. One process
// where WORLD_SIZE is 1 or not set. Errors: a variable that is missing or no number, named.
Result<ProcessPlace> process_place();

// All calls are made by every process in the same order. A process that ends, or that gives up,
// makes the others' calls fail (kResource) with what it said; so does what breaks the connection.
// Not for several threads.
class ProcessGroup {
 public:
  // Returns when all processes are there.
  static Result<std::shared_ptr<ProcessGroup>> join(const ProcessPlace& place);
  virtual ~ProcessGroup() = default;

  int rank() const { return rank_; }
  int count() const { return count_; }
  bool leads() const { return rank_ == 0; }  // writes the run's files and messages

  // Each process gets the sums over all, added in the order of ranks: the same bits everywhere.
  virtual Status sum(std::span<float> values) = 0;
  virtual Status sum(std::span<double> values) = 0;
  // Process 0's number, or text, in all.
  Result<double> share(double value);
  virtual Result<std::string> share(const std::string& text) = 0;
  // Tells the others why this process ends. They end too.
  virtual void give_up(const std::string& reason) = 0;

 protected:
  ProcessGroup(int rank, int count) : rank_(rank), count_(count) {}

 private:
  int rank_, count_;
};

}  // namespace relata::train
